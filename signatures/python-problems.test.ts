import { describe, expect, it } from "vitest";
import { readPython } from "./python.ts";

/** Code that Python 3.12 or a later version accepts. */
const VALID: readonly string[] = [
  "match command.split():\n    case [action]:\n        pass\n    case [action, *rest] if rest:\n        pass\n    case {'x': 1, **kw}:\n        pass\n    case Point(x=0, y=z) | [z]:\n        pass\n    case _:\n        pass\n",
  "match = 1\ncase = 2\ntype = 3\n_ = match\nprint(match, case)\n",
  "match x, y:\n    case (1, 2) as pair: pass\n    case 'a' 'b' | -1 | 1+2j | None | a.b: pass\n",
  "if (n := len(a)) > 10: pass\n",
  "print([y := 1, y**2])\nwhile chunk := f.read(9): pass\n",
  "x = f'{a!r:>{width}.{prec}} {b=} {{literal}}'\n",
  "x = f'{f'{f'{1 + 1}'}'}'\n",
  'x = f"{d["key"]} {", ".join(names)}"\n',
  "x = f'''{\n  a  # comment\n}'''\n",
  "x = rf'\\d{n}' u'y'[0:1]\ny = rb'x' b'z'\n",
  "x = f'{lambda_:%Y-%m-%d} {x:{\"{\"}>10}'\n",
  "type Alias[T] = list[T] | None\n",
  "def f[T: (int, str), *Ts, **P](x: T, *a: *Ts) -> T: ...\n",
  "class A[T](Base[T], metaclass=M): x: T\n",
  "try:\n    pass\nexcept* (A, B) as e:\n    pass\n",
  "try:\n    a\nexcept A:\n    b\nelse:\n    c\nfinally:\n    d\n",
  "with (open('a') as f, open('b') as g,):\n    pass\n",
  "with open('a') as f, open('b'): pass\n",
  "async def f():\n    async with a as b, c: pass\n    async for x in y: yield x\n    q = [z async for z in w if await z]\n",
  "def f(a, /, b, *, c=1, **k) -> 'x': return a\n",
  "def f(a=1, *args, b, c=2): pass\n",
  "lambda *a, k=1, **kw: (yield)\n",
  "x = lambda: 0\ny = [*a, *b]\nz = {**c, 'd': 1}\nf(*a, **b, c=1)\n",
  "x: int\ny: list[int] = []\nself.z: str = ''\n",
  "@property\ndef f(): ...\n@a.b[0](1)\nclass C: ...\n@(x := y)\ndef g(): ...\n",
  "a = b = c = 1\na, (b, *c) = d\na[1:2, ::3] = e\n(a) = 1\n[a, b] = c\n",
  "x = 1 if y else 2 if z else 3\n",
  "assert x, 'message'\ndel a, b[0]\nglobal g\nraise E from None\n",
  "x = not a in b and c not in d or e is not f\n",
  "x = 0xFF + 0o17 + 0b1 + 1_000 + 1.5e-3 + 2j + .5 + 1. + 00\n",
  "x = 'a' \\\n    'b'\nif a and \\\n   b:\n    pass\n",
  "x = (  # comment\n    1 +\n\n    2\n)\n",
  "if x: pass; y = 1\nfor i in a: print(i)\nelse: pass\n",
  "class A: pass\nclass B(): 'doc'\n",
  "def f():\n\treturn 1\n\nif x:\n\ty = 1\n\tif z:\n\t\tw = 2\n",
  "def f():\n    # only a comment first\n    return 1\n    # and last\n# outside\n",
  "if x:\n    pass\n  # a comment may stand anywhere\nelse:\n    pass\n",
  "\ufeff# coding: utf-8\n\f\nx = 1\n",
  "x = 1\r\nif x:\r\n    y = 2\r\n",
  "if x:\n  if y:\n    z\n  w\nv\n",
  "größe = 'ö'\nπ = 3.14\n变量 = '😀'\n",
  "print\nprint()\nexec('x')\nprint(*a, sep='', file=f)\n",
  "print >> f, 1\nprint -x\nprint[0]\n",
  "nums = [i for i in range(3) if i for j in k if j]\ng = (x for x in y)\ns = {x for x in y}\nd = {k: v for k, v in z}\n",
  "x = yield_ = 1\ndef g():\n    x = yield\n    y = yield x\n    z = yield from y\n    await_ = (yield)\n",
  "def f(): return *a, b\nfor x in *a, b: pass\n",
  "x = a @ b\nx @= c\nx //= 2; x **= 3; x >>= 1; x |= 2\n",
  "x = ...\ndef f(a: int = ..., *, b: 'str' = ...) -> None: ...\n",
  "from __future__ import annotations\nfrom . import a\nfrom .. b import (c as d, e,)\nimport a.b.c as x, y\n",
  "while True:\n    if a: break\n    elif b: continue\n    else: pass\nelse:\n    pass\n",
  "#!/usr/bin/env python3\n# /// script\n# dependencies = ['requests']\n# ///\nimport requests\n",
  "x = '''a\n  b\n c'''\ny = 1\n",
  "data = {\n'a': 1,\n    'b': [\n1, 2],\n}\nz = 1\n",
  "x = a if b else(c)\ny = 1if z else 2\n",
  "def f(a, b): return a[b:=1] if (c := 2) else {a: b}\n",
];

/** Code that Python refuses, with the line that is to blame. */
const BROKEN: readonly (readonly [code: string, line: number, message: RegExp])[] = [
  ["def main(x)\n    return x\n", 1, /^unexpected end of line$/],
  ["def main(x: int) -> int\n    return x\n", 1, /^unexpected end of line$/],
  ["x = 1\nif x\n    y = 1\n", 2, /^unexpected end of line$/],
  ["for i in range(3)\n    pass\n", 1, /^unexpected end of line$/],
  ["class A\n    pass\n", 1, /^unexpected end of line$/],
  ["def main(x\n    return x\n", 1, /^'\(' is never closed$/],
  ["a = 1\nx = [1, 2\ny = 3\n", 2, /^'\[' is never closed$/],
  ["foo(1,\n\ndef f():\n    pass\n", 1, /^'\(' is never closed$/],
  ["x = {'a': [1, (2, 3]}\n", 1, /^unexpected `\]`$/],
  ["x = 1\ny = 2)\n", 2, /^unexpected `\)`$/],
  ["a = 1\nb = 2\nc = = 3\nd = 4\n", 3, /^unexpected `=`$/],
  ["def main():\n    x = 5 +\n    return x\n", 2, /^unexpected end of line$/],
  ["x = 1\ns = 'abc\nt = 2\n", 2, /^this string is never closed$/],
  ["x = 1\ns = '''abc\nt = 2\n", 2, /^this string is never closed$/],
  ["f(a b)\n", 1, /^unexpected `b`$/],
  ["class A:\n    def f(self):\n        pass\n\n    def g(self)\n        pass\n\n    def h(self):\n        pass\n", 5, /^unexpected end of line$/],
  ["import os\n\nelse:\n    x\n", 3, /^unexpected `else`$/],
  ["def f():\nx = 1\n", 2, /^expected an indented block after line 1$/],
  ["if x:\n    # nothing\ny = 1\n", 3, /^expected an indented block after line 1$/],
  ["def main():\n", 1, /^expected an indented block after line 1$/],
  ["x = 1\n    y = 2\n", 2, /^unexpected indent$/],
  ["def f():\n    a = 1\n      b = 2\n", 3, /^unexpected indent$/],
  ["def f():\n    return 1\n  return 2\n", 3, /^(?:this indentation matches no line above|unexpected indent)$/],
  ["try:\n    x\n  except A:\n    pass\n", 3, /^this indentation matches no line above$/],
  ["if a:\n    b\n  elif c:\n    d\n", 3, /^this indentation matches no line above$/],
  ["try:\n    x = 1\ny = 2\n", 1, /^`try` without/],
  ["x = 1\nprint 'hello'\n", 2, /^missing parentheses in call to 'print'$/],
  ["exec 'code'\n", 1, /^missing parentheses in call to 'exec'$/],
  ["raise ValueError, 'x'\n", 1, /^`raise` takes one exception$/],
  ["if a <> b:\n    pass\n", 1, /^`<>` is now written/],
  ["x = `y`\n", 1, /^unexpected `$/],
  ["mode = 0777\n", 1, /^leading zeros/],
  ["def f(a=1, b): pass\n", 1, /^a parameter without a default/],
  ["function main() {\n}\n", 1, /^unexpected `main`$/],
  ["x = a && b\n", 1, /^unexpected `&`$/],
  ["x = ?\n", 1, /^unexpected `\?`$/],
  ["return = 1\n", 1, /^unexpected `=`$/],
  ["x = 1\nx++\n", 2, /^unexpected end of line$/],
  ["from x import\n", 1, /^unexpected end of line$/],
  ["é = '😀'; c = = 3\n", 1, /^unexpected `=`$/],
  ["x = 1 \0\n", 1, /^unexpected character U\+0000$/],
];

describe("syntax errors in Python", () => {
  it.each(VALID)("accepts %j", async (code) => {
    expect((await readPython(code)).problems).toEqual([]);
  });

  it.each(BROKEN)("refuses %j in line %i", async (code, line, message) => {
    const { problems } = await readPython(code);
    expect(problems[0]).toMatchObject({ line });
    expect(problems[0]?.message).toMatch(message);
    expect(problems[0]?.text).toBe(code.split("\n")[line - 1]);
  });

  it("gives the column in UTF-16 units", async () => {
    expect((await readPython("é = '😀'; c = = 3\n")).problems[0]?.column).toBe(15);
  });

  it("cuts long lines and long lists", async () => {
    const { problems } = await readPython("print 'x'\n".repeat(50));
    expect(problems).toHaveLength(20);
    const long = await readPython(`x = '${"y".repeat(500)}\n`);
    expect(long.problems[0]?.text).toHaveLength(200);
  });
});
