import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VERSION } from "../../kernel/protocol.ts";
import { openExecution } from "../runner/execution.ts";
import { keepHelperFiles } from "./query/helper-files.ts";
import { ReachableCopies } from "./reachable-copies.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-copies-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fill = (part: string): void => {
  mkdirSync(join(part, "bin"), { recursive: true });
  writeFileSync(join(part, "bin/tool"), "");
};
const isThere = (kind: string): string[] => readdirSync(join(dir, kind)).sort();

it("a copy is made once, and goes when a later start wants another version of it, or none", async () => {
  let made = 0;
  const start = async (...names: string[]): Promise<string[]> => {
    const copies = new ReachableCopies(dir);
    for (const name of names) {
      copies.toolchain(name, (part) => {
        made += 1;
        fill(part);
      });
    }
    await copies.sweep();
    return isThere("toolchains");
  };
  expect(await start("go-1", "query-1/a", "query-1/b/c")).toEqual(["go-1", "query-1"]);
  expect([await start("go-1", "query-1/a", "query-1/b/c"), made]).toEqual([["go-1", "query-1"], 3]);
  expect([await start("go-2"), made]).toEqual([["go-2"], 4]);
  expect(await start()).toEqual([]);
});

it("one that was interrupted is made again, and leaves nothing", async () => {
  const copies = new ReachableCopies(dir);
  const broken = (part: string): void => {
    fill(part);
    throw new Error("the disk is full");
  };
  expect(() => copies.toolchain("go-1", broken)).toThrow("the disk is full");
  await copies.sweep();
  expect(isThere("toolchains")).toEqual([]);
  expect(readdirSync(join(copies.toolchain("go-1", fill), "bin"))).toEqual(["tool"]);
});

it("an agent that starts removes what it does not use any more, and keeps what its query helpers will", async () => {
  const helpers = keepHelperFiles(new ReachableCopies(dir));
  const stale = [
    "toolchains/go-1.0",
    "toolchains/npm",
    "toolchains/query-0.0.1",
    `toolchains/query-${VERSION}`,
    "toolchains/go-1.0.4711",
    "wrappers/bash-0123456789abcdef",
  ];
  for (const one of stale) fill(join(dir, one));
  fill(join(dir, "toolchains", helpers));
  const opened = await openExecution({ dir, sandbox: "off", prepared: 0, languages: ["bash", "sqlite"] });
  opened.close();
  // A copy of Node is there where job users cannot reach the one that runs this.
  expect(isThere("toolchains").filter((name) => !name.startsWith("node-"))).toEqual([helpers]);
  expect(isThere("wrappers")).toEqual([expect.stringMatching(/^bash-(?!0123456789abcdef)/)]);
});
