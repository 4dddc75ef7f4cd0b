import { describe, expect, it } from "vitest";
import { readPython } from "./python.ts";
import { showSignature } from "./show-signature.ts";
import { WorkBudget } from "./work-budget.ts";

/** Declarations in front of `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [declarations: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  ["", "a, b", "a: any, b: any"],
  ["", "a: int, b: float, c: str, d: bool", "a: integer, b: number, c: string, d: boolean"],
  ["", "a: bytes, b: bytearray", "a: bytes, b: bytes"],
  ["", "a: None, b: object", "a: null, b: any"],
  ["from typing import Any", "a: Any", "a: any"],
  ["", "a: list, b: list[int], c: list[list[str]]", "a: any[], b: integer[], c: string[][]"],
  ["from typing import List, Sequence", "a: List[int], b: Sequence[str]", "a: integer[], b: string[]"],
  ["from typing import List as L", "a: L[int]", "a: integer[]"],
  ["import typing as t", "a: t.List[int], b: t.Optional[t.Dict[str, float]]", "a: integer[], b: {[*]: number} | null"],
  [
    "",
    "a: set[int], b: frozenset[str], c: tuple[int, ...], d: tuple[int, str], e: tuple",
    "a: integer[], b: string[], c: integer[], d: (integer | string)[], e: any[]",
  ],
  ["", "a: dict, b: dict[str, int], c: dict[str, Any]", "a: {}, b: {[*]: integer}, c: {}"],
  ["from collections.abc import Mapping", "a: Mapping[str, list[int]]", "a: {[*]: integer[]}"],
  ["", "a: Optional[int], b: int | None, c: None | int", "a: integer | null, b: integer | null, c: null | integer"],
  ["", "a: Union[int, str], b: int | str | None, c: Union[int, float]", "a: integer | string, b: integer | string | null, c: number"],
  ["", 'a: Literal["x", "y"], b: Literal[1, -2], c: Literal["x", None], d: Literal[True]', 'a: "x"|"y", b: 1|-2, c: "x" | null, d: true'],
  ["", 'a: Literal["x"] | Literal["y"], b: Optional[Literal["z"]]', 'a: "x"|"y", b: "z" | null'],
  ["from datetime import datetime, date, time", "a: datetime, b: date, c: time", "a: date-time, b: date, c: time"],
  ["import datetime as dt", "a: dt.datetime, b: dt.date, c: list[dt.date]", "a: date-time, b: date, c: date[]"],
  ["from datetime import datetime as When", "a: When", "a: date-time"],
  ["from uuid import UUID\nfrom decimal import Decimal\nfrom pathlib import Path", "a: UUID, b: Decimal, c: Path", "a: uuid, b: number | string, c: string"],
  ["", "a=1, b='x', c=True, d=None, e=1.5", 'a?: number = 1, b?: string = "x", c?: boolean = true, d?: any = null, e?: number = 1.5'],
  ["", "a: int = 1_000, b: int = 0x1F, c: float = -2.5e3, d: int = 0b11", "a?: integer = 1000, b?: integer = 31, c?: number = -2500, d?: integer = 3"],
  ["", "a: int = None, b: Optional[str] = None", "a?: integer | null = null, b?: string | null = null"],
  ["", "a=[1, 'x'], b=(1, 2), c={'k': [None]}, d=[], e={}", 'a?: any[] = [1,"x"], b?: any[] = [1,2], c?: {} = {"k":[null]}, d?: any[] = [], e?: {} = {}'],
  [
    "",
    "a=os.getcwd(), b=1 + 2, c={1: 2}, d={1}, e=f'{x}', f=b'x', g=1j, h=[*x], i=lambda: 0",
    "a?: any, b?: any, c?: any, d?: any, e?: any, f?: any, g?: any, h?: any, i?: any",
  ],
  [
    "",
    String.raw`a='it\'s', b="\x41B\n", c=r'\d', d='a' "b", e="""two
lines""", f='\N{BULLET}', g='\q'`,
    String.raw`a?: string = "it's", b?: string = "AB\n", c?: string = "\\d", d?: string = "ab", e?: string = "two\nlines", f?: any, g?: string = "\\q"`,
  ],
  ["", "a=9007199254740993, b=1e999, c=(3)", "a?: any, b?: any, c?: number = 3"],
  ["LIMIT = 10\nALIAS = LIMIT\nX = Y\nY = X", "a: int = ALIAS, b=X", "a?: integer = 10, b?: any"],
  ["", "a, /, b, *, c=1", "a: any, b: any, c?: number = 1"],
  ["", "a, *args, b: int, **kwargs", "a: any, b: integer, ..."],
  ["", "*args: int, **kwargs: str", "..."],
  ["", 'a: "int", b: "list[Item]", c: "broken[", d: \'dict[str, "int"]\'', "a: integer, b: $item[], c: any, d: {[*]: integer}"],
  ["from typing import Annotated", 'a: Annotated[int, "x", len("y")], b: Annotated[list[str], 1] = []', "a: integer, b?: string[] = []"],
  [
    "class User(TypedDict):\n    name: str\n    age: NotRequired[int]\n",
    "a: User, b: list[User]",
    "a: {name: string, age?: integer}, b: {name: string, age?: integer}[]",
  ],
  ["class User(TypedDict, total=False):\n    name: Required[str]\n    age: int\n", "a: User", "a: {name: string, age?: integer}"],
  [
    "@dataclass\nclass P:\n    '''doc'''\n    x: int\n    y: int = 2\n    tags: list[str] = field(default_factory=list)\n    K: ClassVar[int] = 3\n    def m(self): ...\n",
    "a: P",
    "a: {x: integer, y?: integer = 2, tags?: string[]}",
  ],
  ["class A(BaseModel):\n    x: int\nclass B(A):\n    y: A | None\n", "a: B", "a: {x: integer, y: {x: integer} | null}"],
  ["class Node(TypedDict):\n    children: list['Node']\n", "a: Node", "a: {children: any[]}"],
  ["class A(B): pass\nclass B(A): pass\n", "a: A", "a: any"],
  [
    "class Colour(str, Enum):\n    RED = 'red'\n    BLUE = 'blue'\n    def f(self): ...\nclass N(enum.IntEnum):\n    A = 1\n",
    "a: Colour, b: N",
    'a: "red"|"blue", b: 1',
  ],
  ["class E(Enum):\n    A = auto()\n", "a: E", "a: any"],
  [
    "Ids = list[int]\ntype Names = dict[str, Ids]\nZ: TypeAlias = Optional[Ids]",
    "a: Ids, b: Names, c: Z",
    "a: integer[], b: {[*]: integer[]}, c: integer[] | null",
  ],
  ["A = list['B']\nB = A", "a: A", "a: any[]"],
  ["UserId = NewType('UserId', int)\nT = TypeVar('T')", "a: UserId, b: T", "a: integer, b: any"],
  ["postgresql = dict", "a: postgresql, b: c_slack", "a: $postgresql, b: $c_slack"],
  ["from .models import User\nimport pandas as pd", "a: User, b: pd.DataFrame, c: Callable[[int], str], d: list[User]", "a: any, b: any, c: any, d: any[]"],
  ["from mymodule import *", "a: int", "a: integer"],
  ["if TYPE_CHECKING:\n    class Q(TypedDict):\n        x: int\n", "a: Q", "a: {x: integer}"],
];

describe("parameter types of Python", () => {
  it.each(TYPES)("%s main(%s)", async (declarations, parameters, expected) => {
    const { signature, problems } = await readPython(`${declarations}\ndef main(${parameters}):\n    pass\n`);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

const MAINS: readonly (readonly [code: string, expected: string])[] = [
  ["async def main(a: int) -> None:\n    await x\n", "a: integer"],
  ["@task(retries=2)\n@other\ndef main(a: int): ...\n", "a: integer"],
  ["def main[T](a: list[T]) -> T: ...\n", "a: $t[]"],
  ["def main(a: int): ...\ndef main(b: str): ...\n", "b: string"],
  ["try:\n    import x\nexcept ImportError:\n    def main(a): ...\nelse:\n    def main(b): ...\n", "b: any"],
  ["def main(\n    a: int,  # first\n    # between\n    b: str = 'x',\n): ...\n", 'a: integer, b?: string = "x"'],
  ["main = wrap(other)\n", "..."],
  ["from .other import run as main\n", "..."],
  ["def helper(a): ...\nclass A:\n    def main(self): ...\n", "no main"],
  ["\ufeffdef main(a): ...\n", "a: any"],
  ["def main(a): ...\r\nx = 1\r\n", "a: any"],
  ["", "no main"],
];

describe("the main of a Python file", () => {
  it.each(MAINS)("%j", async (code, expected) => {
    const { signature, problems } = await readPython(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it("reads what it can from broken code", async () => {
    const { signature, problems } = await readPython("def main(a: int, b: str = 'x'):\n    return a +\n");
    expect(showSignature(signature)).toBe('a: integer, b?: string = "x"');
    expect(problems).toEqual([{ message: "unexpected end of line", line: 2, column: 15, text: "    return a +" }]);
  });

  it("bounds the work on types of astronomical size", async () => {
    const doubling = Array.from({ length: 60 }, (_, index) => `T${index + 1} = tuple[T${index}, dict[str, T${index}]]`).join("\n");
    const budget = new WorkBudget();
    const { signature } = await readPython(`T0 = int\n${doubling}\ndef main(a: T60): ...\n`, budget);
    expect(budget.spent).toBe(budget.limit);
    expect(JSON.stringify(signature).length).toBeLessThan(2_000_000);
  });

  it("loads the grammar once for callers that come at the same time", async () => {
    const readings = await Promise.all(Array.from({ length: 20 }, (_, index) => readPython(`def main(a${index}): ...\n`)));
    expect(readings.map(({ signature }) => signature.parameters[0]?.name)).toEqual(Array.from({ length: 20 }, (_, index) => `a${index}`));
  });
});
