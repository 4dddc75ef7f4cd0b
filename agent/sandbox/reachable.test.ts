import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockedBy, makeReachableDir } from "./reachable.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "millrace-reachable-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe("makeReachableDir", () => {
  it("makes the wished folder where others can pass", () => {
    chmodSync(base, 0o755);
    const dir = makeReachableDir(join(base, "a", "b"));
    expect(dir).toBe(join(base, "a", "b"));
    expect(statSync(dir).mode & 0o777).toBe(0o711);
    expect(blockedBy(dir)).toBeUndefined();
  });

  it.skipIf(process.getuid?.() !== 0)("goes elsewhere, always to the same place, when the wished one is closed", () => {
    mkdirSync(join(base, "closed"), { mode: 0o700 });
    const wished = join(base, "closed", "exec");
    expect(blockedBy(wished)).toBe(join(base, "closed"));
    const dir = makeReachableDir(wished);
    expect(dir).toMatch(/^\/var\/lib\/millrace-exec\/[0-9a-f]{16}$/);
    expect(makeReachableDir(wished)).toBe(dir);
    expect(blockedBy(dir)).toBeUndefined();
    rmSync(dir, { recursive: true });
  });
});
