import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ReachableCopies } from "../reachable-copies.ts";
import { refuseProgram } from "./program.ts";
import { reachableTree } from "./reachable-tree.ts";

const failed = (output: string) => ({ kind: "failed", output, code: 1 }) as const;

describe("a program that does not compile", () => {
  const code = "one\ntwo\nthree\n";
  const source = { name: "main.rs", lines: 3, shift: 12 };

  it.each([
    ["main.rs:3:9: error[E0425]: cannot find value `x`", { line: 3, column: 9, text: "three", message: "line 3: cannot find value `x`" }],
    ["main.rs:1:13: error: expected `x`", { line: 1, column: 1, text: "one" }],
    ["warning: x\nmain.rs:2:1: warning: y\nmain.rs:2:2: error: z", { line: 2, column: 2, message: "line 2: z" }],
    ["src/main.rs:2: odd", { line: 2, message: "line 2: odd" }],
  ])("is a fault of its own line: %j", (output, error) => {
    const refusal = refuseProgram(failed(output), source, code);
    expect(refusal.exit.reason).toBe("syntax_error");
    expect(JSON.parse(refusal.resultJson).error).toMatchObject({ name: "SyntaxError", ...error });
  });

  it("is a fault of the whole script in a line that was added", () => {
    const refusal = refuseProgram(failed("main.rs:7:1: error: the trait bound is not satisfied"), source, code);
    expect(JSON.parse(refusal.resultJson).error).toEqual({ name: "SyntaxError", message: "the trait bound is not satisfied" });
  });

  it("is what the tool said otherwise", () => {
    const refusal = refuseProgram(failed("lib.rs:1:1: error: x\nlinker not found"), source, code);
    expect([refusal.exit.reason, JSON.parse(refusal.resultJson).error.output]).toEqual(["exit_code", "lib.rs:1:1: error: x\nlinker not found"]);
  });
});

describe.skipIf(process.getuid?.() !== 0)("a toolchain in a closed folder", () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-tree-"));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("is shown where job users can read it, without a copy", () => {
    chmodSync(dir, 0o755);
    const copies = new ReachableCopies(dir);
    const root = join(dir, "closed", "tool");
    mkdirSync(join(root, "lib", "deep"), { recursive: true });
    mkdirSync(join(root, "share"));
    writeFileSync(join(root, "lib", "deep", "file"), "x", { mode: 0o644 });
    symlinkSync("deep/file", join(root, "lib", "link"));
    expect(reachableTree(root, "tool-1", ["lib", "missing"], copies)).toBe(root);
    chmodSync(join(dir, "closed"), 0o700);
    const shown = reachableTree(root, "tool-1", ["lib", "missing"], copies);
    expect(shown).toBe(join(dir, "toolchains", "tool-1"));
    expect(readFileSync(join(shown, "lib", "link"), "utf8")).toBe("x");
    expect(statSync(join(shown, "lib", "deep", "file")).ino).toBe(statSync(join(root, "lib", "deep", "file")).ino);
    expect(() => statSync(join(shown, "share"))).toThrow("ENOENT");
    expect(reachableTree(root, "tool-1", ["lib"], copies)).toBe(shown);
  });
});
