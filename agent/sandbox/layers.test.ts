import { expect, test } from "vitest";
import { type Layer, levelOf, reasonsOf, type SandboxLevel } from "./layers.ts";

const layer = (level: SandboxLevel | undefined, ok: boolean): Layer => ({ name: "isolation", ok, detail: "d", fix: "f", level });

test.each<[SandboxLevel, Layer[]]>([
  [0, []],
  [0, [layer(1, false), layer(2, true), layer(3, true)]],
  [1, [layer(1, true), layer(2, false), layer(3, true)]],
  [2, [layer(1, true), layer(2, true), layer(3, true), layer(3, false)]],
  [3, [layer(1, true), layer(2, true), layer(3, true), layer(undefined, false)]],
])("level %i has all its layers and those of the levels below", (level, layers) => {
  expect(levelOf(layers)).toBe(level);
});

test("the reasons name what is missing", () => {
  expect(reasonsOf([layer(1, true), layer(2, false)])).toEqual(["no isolation: d"]);
});
