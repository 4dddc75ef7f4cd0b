import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { openTestExecution, runScript, type ScriptOptions } from "../../runner/attempt-harness.ts";
import { readBuildEnv } from "../../workshop/build-env.ts";
import { sharedBuilds } from "./test-builds.ts";

/**
 * The second half asks the real registries, the way the machine's own
 * tools would: `MILLRACE_BUILD_ENV_*` of the environment is passed on. It is skipped by name where a registry does not answer.
 */
const one = await openTestExecution({ prepared: 0, languages: ["go", "rust", "java"], buildEnv: readBuildEnv(process.env) }, await sharedBuilds());
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
  const options: ScriptOptions = { purpose: Purpose.PURPOSE_LOCK, limits: { timeoutMs: 120_000 } };
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

const GO_TYPES = `package inner

import (
	"fmt"
	"math/big"
)

type Point struct {
	X    int64    \`json:"x"\`
	Tags []string \`json:"tags"\`
}
type missing struct{ Name string }

func (m missing) Error() string { return "no " + m.Name }

func main(point Point, exact *big.Int, open any, rest ...string) (Point, map[string]any, error) {
	if len(rest) > 0 {
		return point, nil, fmt.Errorf("wrapped: %w", missing{rest[0]})
	}
	if point.X < 0 {
		return point, nil, missing{"x"}
	}
	return point, map[string]any{"exact": exact, "open": open, "html": "<&>"}, nil
}
`;

describe.skipIf(execution.runtimes.find("go") === undefined)("Go", { timeout: 60_000 }, () => {
  const run = (args: string) => runScript(execution, "go", GO_TYPES, { args });

  it("gives main what its types ask for, and returns several values as a list", async () => {
    const outcome = await run('{"point":{"x":9007199254740993,"tags":["a"]},"exact":123456789012345678901234567890,"open":{"k":[1,"b",null]}}');
    expect(outcome.resultJson).toBe('[{"x":9007199254740993,"tags":["a"]},{"exact":123456789012345678901234567890,"html":"<&>","open":{"k":[1,"b",null]}}]');
    expect((await run('{"point":{"x":1,"tags":null},"exact":null}')).resultJson).toBe('[{"x":1,"tags":null},{"exact":null,"html":"<&>","open":null}]');
  });

  it.each([
    ["{}", { name: "MissingArgument", message: "main needs the argument `point`, which was not given" }],
    [
      '{"point":{"x":1.5}}',
      { name: "InvalidArgument", message: expect.stringMatching(/^the argument `point` does not fit the type inner\.Point: .*x.* int64/) },
    ],
    ['{"point":{},"rest":1}', { name: "InvalidArgument", message: expect.stringContaining("`rest`") }],
    ['{"point":{},"other":1}', { name: "UnknownArgument" }],
    ['{"point":{"x":-1}}', { name: "missing", message: "no x" }],
    ['{"point":{},"rest":["y"]}', { name: "Error", message: "wrapped: no y" }],
  ])("refuses or fails with %s", async (args, error) => {
    const outcome = await run(args);
    expect([outcome.exit.reason, JSON.parse(outcome.resultJson).error]).toEqual(["exit_code", expect.objectContaining(error)]);
  });
});

const RUST_TYPES = `#![forbid(unsafe_code)]
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
enum Fault { Empty(&'static str) }

fn main(list: Vec<Option<u8>>, map: BTreeMap<String, (bool, f64)>, r#type: char, set: Option<BTreeSet<i128>>) -> Result<(usize, BTreeMap<String, (bool, f64)>, char, Option<BTreeSet<i128>>), Fault> {
    if map.is_empty() {
        return Err(Fault::Empty("map"));
    }
    Ok((list.iter().flatten().count(), map, r#type, set))
}
`;

describe.skipIf(execution.runtimes.find("rust") === undefined)("Rust without crates", { timeout: 60_000 }, () => {
  const run = (args: string) => runScript(execution, "rust", RUST_TYPES, { args });

  it("gives main what its types ask for", async () => {
    const outcome = await run(
      '{"list":[1,null,255],"map":{"a\\"\\u00e9\\ud83d\\ude00":[true,1e3]},"type":"ü","set":[170141183460469231731687303715884105727,-1]}',
    );
    expect(outcome).toMatchObject({ resultJson: '[2,{"a\\"é😀":[true,1000.0]},"ü",[-1,170141183460469231731687303715884105727]]', agentText: "" });
    expect((await run('{"list":[],"map":{"":[false,0]},"type":"x"}')).resultJson).toBe('[0,{"":[false,0.0]},"x",null]');
  });

  it.each([
    ['{"list":[256],"map":{},"type":"x"}', "InvalidArgument", /`list`.*\[0\]: 256: number too large/],
    ['{"list":[],"map":{"a":[true]},"type":"x"}', "InvalidArgument", /`map`.*a: \[1\]: expected a number, found null/],
    ['{"list":[],"map":{},"type":"xy"}', "InvalidArgument", /`type`.*single character/],
    ['{"map":{},"type":"x"}', "MissingArgument", /`list`/],
    ['{"list":[],"map":{},"type":"x"}', "Fault", /^Empty\("map"\)$/],
  ])("refuses or fails with %s", async (args, name, message) => {
    const { error } = JSON.parse((await run(args)).resultJson);
    expect([error.name, error.message]).toEqual([name, expect.stringMatching(message)]);
  });
});

const JAVA_TYPES = `package tools;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.*;

public class Main {
  enum Colour { RED, GREEN }
  record Point(int x, Optional<String> label) {}
  public static class Bean {
    private List<Point> points = List.of();
    public Colour colour;
    public List<Point> getPoints() { return points; }
  }

  public static void main(String[] unused) {}

  public static Object main(Bean bean, Map<Colour, long[]> counts, BigDecimal exact, LocalDate day, byte[] data, Object open, Integer none) {
    if (exact == null) throw new IllegalArgumentException("no exact", new RuntimeException("cause"));
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("bean", bean);
    all.put("counts", counts);
    all.put("exact", exact);
    all.put("next", day.plusDays(1));
    all.put("data", data);
    all.put("open", open);
    all.put("none", none);
    return all;
  }
}
`;

describe.skipIf(execution.runtimes.find("java") === undefined)("Java", { timeout: 60_000 }, () => {
  const run = (args: string) => runScript(execution, "java", JAVA_TYPES, { args });
  const rest = '"exact":1.10000000000000000000001,"day":"2026-02-28","data":"aGk=","open":{"a":[1,9007199254740993,1.5,"\\ud83d\\ude00",null]}';

  it("gives main what its types ask for", async () => {
    const outcome = await run(`{"bean":{"points":[{"x":1},{"x":2,"label":"l"}],"colour":"RED"},"counts":{"GREEN":[1,2]},${rest}}`);
    expect(outcome.resultJson).toBe(
      '{"bean":{"colour":"RED","points":[{"x":1,"label":null},{"x":2,"label":"l"}]},"counts":{"GREEN":[1,2]},"exact":1.10000000000000000000001,' +
        '"next":"2026-03-01","data":"aGk=","open":{"a":[1,9007199254740993,1.5,"😀",null]},"none":null}',
    );
  });

  it.each([
    ['{"bean":{"points":[{"x":1.5}]}}', "InvalidArgument", /`bean`.*points: \[0\]: x: 1\.5 is no int/],
    ['{"bean":{"points":[{}]}}', "InvalidArgument", /x: null is no int/],
    ['{"counts":{"BLUE":[]}}', "InvalidArgument", /`counts`.*"BLUE" is none of its constants/],
    ['{"day":"2026-02-30"}', "InvalidArgument", /`day`/],
    ["{}", "IllegalArgumentException", /^no exact$/],
  ])("refuses or fails with %s", async (args, name, message) => {
    const { error } = JSON.parse((await run(args)).resultJson);
    expect([error.name, error.message]).toEqual([name, expect.stringMatching(message)]);
  });

  it("shows the script's own lines of an exception and of its causes", async () => {
    const { error } = JSON.parse((await run("{}")).resultJson);
    expect(error.stack).toBe(
      "java.lang.IllegalArgumentException: no exact\n\tat tools.Main.main(Main.java:19)\nCaused by: java.lang.RuntimeException: cause\n\tat tools.Main.main(Main.java:19)\n",
    );
  });
});

const [goLock, rustLock, javaLock] = await Promise.all([lockOf("go", GO), lockOf("rust", RUST), lockOf("java", JAVA)]);

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
