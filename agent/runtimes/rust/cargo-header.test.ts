import { describe, expect, it } from "vitest";
import { namesCrate, readCargoHeader } from "./cargo-header.ts";
import { manifestOf } from "./manifest.ts";
import { asProgram } from "./program-source.ts";

const header = (...lines: string[]): string =>
  ["//! Text before.", "//! ```cargo", ...lines.map((line) => `//! ${line}`), "//! ```", "fn main() {}", ""].join("\n");

describe("the cargo header of a script", () => {
  it("is what stands between its marks", () => {
    const code = `#!/usr/bin/env rust-script\n${header("[package]", 'edition = "2018"', "[dependencies]", 'a = "1" # why', "[dependencies.b]", 'version = "2"')}`;
    expect(readCargoHeader(code)).toEqual({ kind: "header", edition: "2018", manifest: '[dependencies]\na = "1" # why\n[dependencies.b]\nversion = "2"\n' });
  });

  it("is empty where there is none, or where it comes too late", () => {
    const none = { kind: "header", edition: "2021", manifest: "" };
    for (const code of ["", "fn main() {}", `fn x() {}\n${header("[dependencies]")}`, "//! just text\nfn main() {}"])
      expect(readCargoHeader(code)).toEqual(none);
  });

  it.each(["patch.crates-io", "build-dependencies", "profile.release", "[bin]", "workspace"])("may not hold [%s]", (section) => {
    expect(readCargoHeader(header("[dependencies]", `[${section}]`))).toMatchObject({ kind: "problem" });
  });

  it.each([
    'a = { git = "https://x.example/a" }',
    "a.git = 'https://x.example/a'",
    'a = { version = "1", "path" = "/etc" }',
    'a = { "g\\u0069t" = "https://x.example/a" }',
    "registry-index = 'https://x.example'",
    'a = """',
    '[ patch . "crates-io]" ]',
    "[dependencies.a] [patch.crates-io]",
  ])("S-66: may not say where a crate comes from: %s", (line) => {
    expect(readCargoHeader(header("[dependencies]", line))).toMatchObject({ kind: "problem" });
  });

  it("may name features, registries of the operator and crates with odd names", () => {
    const lines = ["[dependencies]", 'git2 = { version = "0.19", features = ["path", "git"] } # not from git', 'a = { version = "1", registry = "mine" }'];
    expect(readCargoHeader(header(...lines))).toMatchObject({ kind: "header", manifest: `${lines.join("\n")}\n` });
  });

  it("begins with a section: what stands before one would belong to the manifest around it", () => {
    expect(readCargoHeader(header("# crates", "[dependencies]"))).toMatchObject({ kind: "header" });
    expect(readCargoHeader(header('members = ["/"]', "[dependencies]"))).toMatchObject({ kind: "problem" });
  });
});

describe("the manifest of a script", () => {
  it("adds the crates that every script may use, unless it names them itself", () => {
    const own = '[dependencies]\nserde = { version = "1.0.100" }\n[dependencies.serde_json]\nversion = "1"\n';
    const manifest = manifestOf(own);
    expect([manifest.match(/serde\b[^_]/g)?.length, manifest.match(/serde_json/g)?.length]).toEqual([1, 1]);
    expect(manifest).toContain("[dependencies.anyhow]");
    expect([namesCrate('"serde" = "1"', "serde"), namesCrate('serde_yaml = "1"', "serde"), namesCrate('serde.version = "1"', "serde")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("a script as a program", () => {
  it("keeps its lines and calls main with its arguments", () => {
    const { text, lines, shift } = asProgram("#!/usr/bin/env x\nfn main(a: u8, b_2: u8) {}", ["a", "b_2"], "2021");
    expect(text.split("\n").slice(0, 2)).toEqual(["#![no_main] ", "fn main(a: u8, b_2: u8) {}"]);
    expect(text).toContain('super::main(args.take("a"), args.take("b_2"))');
    expect([lines, shift]).toEqual([2, 12]);
    expect(asProgram("#![allow(x)]\nfn main() {}", [], "2024").text).toMatch(/^#!\[no_main\] #!\[allow\(x\)\]\n[\s\S]*unsafe\(no_mangle\)/);
  });

  it.each(['a"', "a b", "", "r#type", "a\n"])("takes no name but an identifier: %j", (name) => {
    expect(() => asProgram("fn main() {}", [name], "2021")).toThrow("not the name of a parameter");
  });
});
