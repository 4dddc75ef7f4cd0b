import { describe, expect, it } from "vitest";
import { npmRequest, plainSpecifiers } from "./npm-request.ts";
import { readSignature } from "./read-signature.ts";

function read(code: string) {
  const signature = readSignature(`${code}\nexport function main() {}\n`, "typescript");
  if (signature.kind === "syntax") throw new Error(signature.fault.message);
  return signature.imports;
}

const request = (code: string) => {
  const found = npmRequest(read(code));
  return found.kind === "request" ? found.dependencies : found.message;
};

describe("npmRequest", () => {
  it.each([
    ['import { z } from "zod";', { zod: "*" }],
    ['import z from "zod@4";', { zod: "4" }],
    ["import z from 'npm:zod@^4.1/mini';", { zod: "^4.1" }],
    ['export * from "@scope/a@1.2.3/sub/file.js"; export { b } from "b";', { "@scope/a": "1.2.3", b: "*" }],
    ['import "a"; const late = await import("a@2"); await import(`b`);', { a: "2", b: "*" }],
    ['import type { T } from "t"; export type { U } from "u"; import { type V } from "v";', { v: "*" }],
    ['import "node:fs"; import "fs/promises"; import "./x.ts"; import "/y.ts"; import "#z"; import "data:text/javascript,"; import "millrace";', {}],
    ["const name = 'a'; await import(name); await import(`${name}b`); await import('a' + 'b');", {}],
    ['/* package.json { "dependencies": { "zod": "^4", "peer": "1.x" } } */\nimport "zod@3"; import "other";', { other: "*", peer: "1.x", zod: "^4" }],
    ['import "npm:fs@1";', { fs: "1" }],
  ])("of %s", (code, dependencies) => {
    expect(request(code)).toEqual(dependencies);
  });

  it.each([
    ['import "https://a.example/b.js";', "from https:"],
    ['import "jsr:@a/b";', "from jsr:"],
    ['import "a@1"; import "a@2";', "two versions of a"],
    ['import "npm:../up";', "not the name of a package"],
    ['import "npm:a@file:..";', "not a package with a version"],
    ['/* package.json { "dependencies": { "a": "git+ssh://x" } } */', "not a package with a version"],
    ['/* package.json { "dependencies": ["a"] } */', "must hold a JSON object"],
    ['/* package.json { "dependencies": { "../a": "1" } } */', "not a package with a version"],
    [Array.from({ length: 201 }, (_, index) => `import "a${index}";`).join(""), "more than 200"],
  ])("refuses %s", (code, message) => {
    expect(request(code)).toContain(message);
  });
});

describe("plainSpecifiers", () => {
  it("takes prefixes and versions away and moves nothing", () => {
    const code = 'import a from "npm:zod@4"; /* é😀 */ const b = await import("zod@4/mini"); import "node:fs";\nexport { c } from "@s/c@1/x.js";';
    const plain = plainSpecifiers(code, read(code).imports);
    expect(plain).toBe('import a from "zod"      ; /* é😀 */ const b = await import("zod/mini"  ); import "node:fs";\nexport { c } from "@s/c/x.js"  ;');
    expect(plain.length).toBe(code.length);
  });
});
