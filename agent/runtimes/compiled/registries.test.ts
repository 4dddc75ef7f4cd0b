import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { openTestExecution, runScript, type ScriptOptions } from "../../runner/attempt-harness.ts";
import { readBuildEnv } from "../../workshop/build-env.ts";

/**
 * Asks the real registries, the way the machine's own tools would: `MILLRACE_BUILD_ENV_*` of the environment is passed on. Skipped by
 * name where a registry does not answer.
 */
const one = await openTestExecution({ prepared: 0, buildEnv: readBuildEnv(process.env) });
const { execution } = one;
afterAll(() => one.dispose());

const GO = `//require rsc.io/quote v1.5.2
package inner

import "rsc.io/quote"

func main(name string) string { return name + ": " + quote.Go() }
`;
const SAID = "Don't communicate by sharing memory, share memory by communicating.";
const RUST = `//! \`\`\`cargo
//! [dependencies]
//! hex = "0.4"
//! \`\`\`
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request { text: String, #[serde(default)] upper: bool }
#[derive(Serialize)]
struct Answer { hex: String, number: i128 }

fn main(name: &str, request: Request, number: i128) -> Result<Answer> {
    let size = name.len().checked_sub(1).context("no name").context("cannot go on")?;
    let hex = if request.upper { hex::encode_upper(&request.text) } else { hex::encode(&request.text) };
    Ok(Answer { hex: format!("{size}{hex}"), number })
}
`;
const JAVA = `//requirements:
//com.google.code.gson:gson:2.11.0
import com.google.gson.Gson;
import java.util.Map;

public class Main {
  public static String main(String name) {
    return new Gson().toJson(Map.of("name", name));
  }
}
`;

/** Empty where the registry or the runtime is missing. */
async function lockOf(language: string, code: string): Promise<string> {
  if (execution.runtimes.find(language) === undefined) return "";
  const options: ScriptOptions = { purpose: Purpose.PURPOSE_LOCK, limits: { timeoutMs: 60_000 } };
  const outcome = await runScript(execution, language, code, options);
  if (outcome.exit.reason !== "succeeded") return "";
  const result: unknown = JSON.parse(outcome.resultJson);
  return typeof result === "object" && result !== null && "lock" in result && typeof result.lock === "string" ? result.lock : "";
}

async function buildsOf(run: () => Promise<unknown>): Promise<number> {
  const { builds } = execution.workshop.stats();
  await run();
  return execution.workshop.stats().builds - builds;
}

const goLock = await lockOf("go", GO);
const rustLock = await lockOf("rust", RUST);
const javaLock = await lockOf("java", JAVA);

describe.skipIf(goLock === "")("the proxy of Go modules", () => {
  it("gives a module: locked, compared with its sum, compiled offline, and the second time from the cache", { timeout: 120_000 }, async () => {
    expect(goLock).toMatch(/^-- go\.mod --\n[\s\S]*rsc\.io\/quote v1\.5\.2[\s\S]*\n-- go\.sum --\nrsc\.io|^golang\.org/m);
    const run = (code: string, lock = goLock) => runScript(execution, "go", code, { lock, args: '{"name":"x"}' });
    expect(await run(GO)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: JSON.stringify(`x: ${SAID}`) });
    expect(await buildsOf(async () => expect((await run(GO)).exit.reason).toBe("succeeded"))).toBe(0);
    // Another script with the same modules is only compiled.
    const other = GO.replace('": "', '"; "');
    expect(await buildsOf(async () => expect((await run(other)).resultJson).toBe(JSON.stringify(`x; ${SAID}`)))).toBe(1);
    const forged = goLock.replace(/(rsc\.io\/quote v1\.5\.2 h1:)..../, "$1AAAA");
    expect((await run(GO, forged)).resultJson).toContain("checksum mismatch");
  });
});

describe.skipIf(rustLock === "")("the registry of Rust crates", () => {
  const args = '{"name":"a\\nb","request":{"text":"hi"},"number":123456789012345678901234567890}';
  const run = (code: string, more: ScriptOptions = {}) => runScript(execution, "rust", code, { lock: rustLock, args, ...more });

  it("gives a crate: locked, compared with its sum, compiled offline, and the second time from the cache", { timeout: 120_000 }, async () => {
    expect(rustLock).toMatch(/name = "hex"\nversion = "0\.4/);
    expect(await run(RUST)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '{"hex":"26869","number":123456789012345678901234567890}' });
    expect(await buildsOf(async () => expect((await run(RUST)).exit.reason).toBe("succeeded"))).toBe(0);
    const other = RUST.replace('"{size}{hex}"', '"{hex}"');
    expect(await buildsOf(async () => expect(JSON.parse((await run(other)).resultJson).hex).toBe("6869"))).toBe(1);
    const lock = rustLock.replace(/(name = "hex"[\s\S]*?checksum = ")..../, "$10000");
    expect((await run(RUST, { lock })).resultJson).toContain("checksum");
  });

  it("says what is wrong with an argument or a result of the script's own types, and shows the causes of an error", { timeout: 120_000 }, async () => {
    const outcome = await run(RUST, { args: '{"name":"a","request":{"upper":true},"number":1}' });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({
      name: "InvalidArgument",
      message: expect.stringMatching(/`request`.*Request: missing field `text`/),
    });
    const failed = await run(RUST, { args: '{"name":"","request":{"text":""},"number":1}' });
    expect(JSON.parse(failed.resultJson).error).toMatchObject({ name: "Error", message: "cannot go on: no name" });
  });
});

describe.skipIf(javaLock === "")("the repository of Java jars", () => {
  it("gives a jar: locked, compared with its sum, compiled offline, and the second time from the cache", { timeout: 120_000 }, async () => {
    expect(javaLock).toMatch(/^[0-9a-f]{64} {2}com\/google\/code\/gson\/gson\/2\.11\.0\/gson-2\.11\.0\.jar$/m);
    // What it needs in turn.
    expect(javaLock).toContain("com/google/errorprone/error_prone_annotations/");
    const run = (code: string, lock = javaLock) => runScript(execution, "java", code, { lock, args: '{"name":"x"}' });
    expect(await run(JAVA)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: JSON.stringify('{"name":"x"}') });
    expect(await buildsOf(async () => expect((await run(JAVA)).exit.reason).toBe("succeeded"))).toBe(0);
    const other = JAVA.replace('"name", name', '"n", name');
    expect(await buildsOf(async () => expect((await run(other)).resultJson).toBe(JSON.stringify('{"n":"x"}')))).toBe(1);
    const forged = javaLock.replace(/^..../, "0000");
    expect((await run(JAVA, forged)).resultJson).toContain("DependencyError");
  });
});
