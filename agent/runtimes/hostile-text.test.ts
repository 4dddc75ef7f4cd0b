/** Text of tenants that is read in the agent's own process: whatever it is, the agent must go on for all the others. */
import { describe, expect, it } from "vitest";
import { parseBashParameters } from "../../kernel/bash-parameters.ts";
import { processorMs } from "../../kernel/processor-time.fixture.ts";
import { readGoHeader } from "./go/source.ts";
import { parseMavenLock, readRequirements as readMaven } from "./java/requirements.ts";
import { readRequirements as readComposer } from "./php/requirements.ts";
import { faultOfLock, needsNoPackages } from "./python3/requirements.ts";
import { readGemfile } from "./ruby/gemfile.ts";
import { readCargoHeader } from "./rust/cargo-header.ts";
import { manifestOf } from "./rust/manifest.ts";
import { checkNpmLock } from "./typescript/npm-lock.ts";
import { npmRequest } from "./typescript/npm-request.ts";

/** A fifth of what a script may have. Where time grows with the square of it this takes half a minute, else some milliseconds. */
const LENGTH = 200_000;
const ENOUGH_MS = 2_000;
const run = (text: string): string => text.repeat(Math.ceil(LENGTH / text.length));

const gemfile = (line: string): unknown => readGemfile(`gemfile do\n${line}\nend\n`);
const cargo = (lines: readonly string[]): string => {
  const header = readCargoHeader(["//! ```cargo", ...lines.map((line) => `//! ${line}`), "//! ```"].join("\n"));
  return header.kind === "header" ? manifestOf(header.manifest) : header.message;
};

const READERS: readonly [string, () => unknown][] = [
  ["one long name that is imported", () => needsNoPackages(`import ${run("a")}!`, new Set(["os"]))],
  ["a long name behind another one", () => needsNoPackages(`import os.${run("a.")} as ${run("b")}!`, new Set(["os"]))],
  ["many blanks in an import", () => needsNoPackages(`import os${run(" ")}!\nfrom${run(" ")}!`, new Set(["os"]))],
  ["blanks between a pinned package and nothing", () => faultOfLock(`a==1${run(" ")}:`)],
  ["blanks in a condition of a lock", () => faultOfLock(`a==1;${run(" ")}:`)],
  ["hashes without end", () => faultOfLock(`a==1${run(" --hash=")}`)],
  ["blanks in a gem", () => gemfile(`gem${run(" ")}x`)],
  ["blanks behind a gem", () => gemfile(`gem 'a'${run(" ")}x`)],
  ["what a gem requires", () => gemfile(`gem 'a', require: 'b'${run(" ")},`)],
  ["blanks behind a source of gems", () => gemfile(`source 'https://x.example'${run(" ")}x`)],
  ["a beginning of a gemfile", () => readGemfile(`gemfile ${run("do ")}x`)],
  ["blanks in a section of a manifest", () => cargo([`[${run(" ")}`])],
  ["brackets in a section of a manifest", () => cargo([`[${run("] ")}x`])],
  ["empty lines of a manifest", () => cargo(["[dependencies]", ...run(" ").split("")])],
  ["short lines of a manifest", () => cargo(["[dependencies]", ...run("a").split("")])],
  ["packages of PHP", () => readComposer(`// require:${run(" ")}\n//${run(" ")}\n// a/b${run(" @")}`)],
  ["requirements of Java", () => readMaven(`//requirements:${run(" ")}x\n//requirements:\n//a:b:${run("c")}`)],
  ["a lock of Java", () => parseMavenLock(`${"0".repeat(64)}  ${run("a/")}b`)],
  ["comments of Go", () => readGoHeader(`//require${run(" ")}\n/*${run("*")}`)],
  ["words of Go", () => readGoHeader(`package ${run("x")}\nimport "${run("\\a")}`)],
  ["a place in a lock of npm", () => checkNpmLock(npmLock(`node_modules/${run("a")}!`, "sha512-AAAA"))],
  ["a hash in a lock of npm", () => checkNpmLock(npmLock("node_modules/a", `${run("sha1-AA")}!`))],
  ["a specifier of npm", () => npmRequest({ imports: [{ specifier: `npm:${run("a@")}\n`, start: 0, end: 0 }], header: "" })],
  ["parameters of Bash", () => parseBashParameters(`a="\${1:-${run("${")}\nb=$1${run(" ")}x\n${run("<<'")}`)],
];

function npmLock(place: string, integrity: string): string {
  return JSON.stringify({ lockfileVersion: 3, packages: { "": { dependencies: {} }, [place]: { version: "1.0.0", integrity } } });
}

describe("text that is made to hold up its reader", () => {
  it.each(READERS)("does not: %s", (_name, read) => {
    expect(processorMs(read)).toBeLessThan(ENOUGH_MS);
  });
});
