import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { type FinishedScript, openTestExecution, runScript, type ScriptOptions, startScript } from "../../runner/attempt-harness.ts";
import { openLocalRegistry, tarball } from "../../workshop/local-registry.ts";

const registry = await openLocalRegistry();
registry.addNpm("mill-left", "1.0.0", { "index.js": "export const version = 'left 1';\n" });
registry.addNpm(
  "mill-left",
  "2.0.0",
  { "index.js": "import { word } from '@mill/right';\nexport const version = 'left 2 ' + word;\n" },
  { dependencies: { "@mill/right": "^1.0.0" } },
);
registry.addNpm("@mill/right", "1.2.0", { "index.js": "export const word = 'right';\n", "sub.js": "export const sub = 'sub';\n" });
registry.addNpm("mill-old", "1.0.0", { "index.js": "module.exports = { answer: 42 };\n" }, { type: "commonjs" });
registry.addNpm("mill-swapped", "1.0.0", { "index.js": "export const x = 1;\n" });
registry.addNpm(
  "mill-installer",
  "1.0.0",
  { "index.js": "import { existsSync } from 'node:fs';\nexport const ran = existsSync(new URL('./ran', import.meta.url));\n" },
  { scripts: { preinstall: "touch ran", install: "touch ran", postinstall: "touch ran" }, hasInstallScript: true },
);
const elsewhere = await openLocalRegistry();

const buildEnv = new Map([["NPM_CONFIG_REGISTRY", `${registry.url}/npm/`]]);
const opened = await openTestExecution({ prepared: 0, buildEnv, languages: ["typescript", "javascript"] });
const plain = await openTestExecution({ sandbox: "off", buildEnv, languages: ["typescript"] });
afterAll(async () => {
  opened.dispose();
  plain.dispose();
  await registry.close();
  await elsewhere.close();
});

const run = (code: string, options: ScriptOptions = {}): Promise<FinishedScript> => runScript(opened.execution, "typescript", code, options);
const lock = async (code: string): Promise<string> => {
  const outcome = await run(code, { purpose: Purpose.PURPOSE_LOCK });
  if (outcome.exit.reason !== "succeeded") return outcome.resultJson;
  return String(Object.values(JSON.parse(outcome.resultJson))[0]);
};
const error = (outcome: FinishedScript): unknown => JSON.parse(outcome.resultJson).error;

const LEFT = 'import { version } from "mill-left";\nexport function main() {\n  return version;\n}\n';
const hasNpm = !(await run('import "mill-left";\nexport function main() {}')).resultJson.includes("this agent has no npm");

describe.skipIf(!hasNpm)("packages of TypeScript (with npm)", { timeout: 30_000 }, () => {
  it("follow from the imports, in the newest versions, with what they need themselves", async () => {
    const text = await lock(LEFT);
    expect(Object.keys(JSON.parse(text).packages)).toEqual(["", "node_modules/@mill/right", "node_modules/mill-left"]);
    expect(await run(LEFT, { lock: text })).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"left 2 right"' });
  });

  it("may be imported in parts, late, and by JavaScript", async () => {
    const code = `import type { Nothing } from "mill-types-only";
import old from "npm:mill-old";
export { word } from "npm:@mill/right@^1";
export async function main() {
  const { sub } = await import("npm:@mill/right@^1/sub.js");
  return [old.answer, sub];
}
`;
    expect(await run(code)).toMatchObject({ resultJson: '[42,"sub"]' });
    expect(await runScript(opened.execution, "javascript", code.replace(/^import type.*\n/, ""))).toMatchObject({ resultJson: '[42,"sub"]' });
  });

  it("leave the lines and columns of errors where they are", async () => {
    const code = 'import { version } from "npm:mill-left@1"; export function main() { throw new Error(version); }\n';
    expect(error(await run(code))).toMatchObject({ stack: expect.stringContaining(`main.ts:1:${code.indexOf("new Error") + 1}`) });
  });

  it("of inline code are looked up and installed once", async () => {
    const code = `${LEFT}// inline\n`;
    await run(code);
    const before = { asked: registry.requests.length, builds: opened.execution.workshop.stats().builds };
    expect(await run(code)).toMatchObject({ resultJson: '"left 2 right"', agentText: "" });
    expect({ asked: registry.requests.length, builds: opened.execution.workshop.stats().builds }).toEqual(before);
  });

  it("work without a sandbox too", async () => {
    const code = LEFT.replace("mill-left", "npm:mill-left@2");
    expect(await runScript(plain.execution, "typescript", code)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"left 2 right"' });
  });

  it("are not looked for when there are none", async () => {
    const before = opened.execution.workshop.stats().builds;
    const code = 'import "node:fs";\nimport path from "path/posix";\nimport type { A } from "a";\nexport function main() { return path.sep; }\n';
    expect(await run(code)).toMatchObject({ resultJson: '"/"' });
    expect(await lock(code)).toBe("");
    expect(opened.execution.workshop.stats().builds).toBe(before);
  });

  it("that do not exist end the job with what npm says", async () => {
    const outcome = await run('import "mill-nowhere";\nexport function main() {}');
    expect(outcome.exit).toMatchObject({ reason: "exit_code", message: "DependencyError: no versions could be found for mill-nowhere" });
    expect(error(outcome)).toMatchObject({ name: "DependencyError", output: expect.stringContaining("404") });
  });

  it.each(["cancel", "timeout"])("that do not arrive hold no attempt: it ends by its %s", async (how) => {
    const name = `mill-slow-${how}`;
    registry.hang(name);
    const script = startScript(opened.execution, "typescript", `import "${name}";\nexport function main() {}`, {
      limits: { timeoutMs: how === "timeout" ? 3_000 : 30_000 },
    });
    // A busy machine may not come so far within the timeout.
    if (how === "cancel") {
      await expect.poll(() => registry.requests, { timeout: 20_000, interval: 10 }).toContain(`/npm/${name}`);
      script.cancel("enough");
    }
    expect((await script.done).exit).toMatchObject({
      reason: how === "cancel" ? "cancelled" : "timeout",
      message: how === "cancel" ? "enough" : "the script ran longer than 3 s",
    });
    await expect.poll(() => readdirSync(join(opened.dir, "staging"))).toEqual([]);
  });

  it("S-62: run no scripts of theirs when they are installed", async () => {
    expect(await run('import { ran } from "mill-installer";\nexport function main() { return ran; }')).toMatchObject({ resultJson: "false" });
  });

  it("S-64: with another content than was locked are not installed", async () => {
    const code = LEFT.replace("mill-left", "mill-swapped").replace("{ version }", "{ x as version }");
    const text = await lock(code);
    registry.replace("mill-swapped-1.0.0.tgz", tarball({ "package/package.json": '{"name":"mill-swapped","version":"1.0.0"}', "package/index.js": "x" }));
    expect(error(await run(code, { lock: text }))).toMatchObject({ name: "DependencyError", output: expect.stringContaining("integrity") });
  });

  it.each(["https://127.0.0.1/x.js", "npm:mill-left@file:.."])("S-66: cannot be fetched from a place of the script's choice: %s", async (specifier) => {
    const before = registry.requests.length;
    expect(error(await run(`import ${JSON.stringify(specifier)};\nexport function main() {}`))).toMatchObject({ name: "DependencyError" });
    expect(registry.requests.length).toBe(before);
  });

  it("S-66: are fetched from the agent's registry, whatever a lock says", async () => {
    const parsed = JSON.parse(await lock(LEFT.replace("mill-left", "mill-left@1")));
    parsed.packages["node_modules/mill-left"].resolved = `${elsewhere.url}/files/mill-left-1.0.0.tgz`;
    expect(await run(`${LEFT}// elsewhere`, { lock: JSON.stringify(parsed), workspace: "other" })).toMatchObject({ resultJson: '"left 1"' });
    expect(elsewhere.requests).toEqual([]);
  });

  it.each([
    ["a place outside", { "node_modules/../../escaped": { version: "1.0.0", integrity: "sha512-AAAA" } }],
    ["an absolute place", { "/tmp/escaped": { version: "1.0.0", integrity: "sha512-AAAA" } }],
    ["a link", { "node_modules/l": { link: true, resolved: "../../../etc" } }],
    ["no hash", { "node_modules/mill-left": { version: "1.0.0" } }],
    ["an address for a version", { "node_modules/mill-left": { version: "http://127.0.0.1:1/x", integrity: "sha512-AAAA" } }],
    ["a file for a version", { "node_modules/mill-left": { version: "1.0.0-x.tgz", integrity: "sha512-AAAA" } }],
    ["an address for a name", { "node_modules/mill-left": { name: "http://127.0.0.1:1/x", version: "1.0.0", integrity: "sha512-AAAA" } }],
    ["a package that wants a file", { "node_modules/mill-left": { version: "1.0.0", integrity: "sha512-AAAA", dependencies: { b: "file:../../etc" } } }],
    ["a package that wants a repository", { "node_modules/mill-left": { version: "1.0.0", integrity: "sha512-AAAA", optionalDependencies: { b: "a/b" } } }],
    ["a script that wants a repository", { "": { dependencies: { b: "git+ssh://127.0.0.1/x" } } }],
  ])("S-67: a lock with %s is refused", async (_name, packages) => {
    const text = JSON.stringify({ lockfileVersion: 3, packages: { "": { dependencies: { "mill-left": "*" } }, ...packages } });
    expect(error(await run(LEFT, { lock: text }))).toMatchObject({ name: "DependencyError", message: expect.stringContaining("the lock") });
  });

  it("S-67: an archive cannot write beside the artifact", async () => {
    registry.addNpm("mill-escape", "1.0.0", { "index.js": "", "../../../../escaped": "x", "/tmp/escaped": "x" });
    await run('import "mill-escape";\nexport function main() {}');
    for (const dir of [opened.dir, join(opened.dir, "cache"), join(opened.dir, "staging"), "/tmp"]) expect(existsSync(join(dir, "escaped"))).toBe(false);
  });
});
