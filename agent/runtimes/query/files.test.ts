import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { helpersOf, openQueries } from "./test-queries.ts";

const queries = await openQueries({ network: "none" });
const { run, start } = queries;
/** What only the agent may read. */
const secrets = mkdtempSync(join(tmpdir(), "millrace-secret-"));
writeFileSync(join(secrets, "secret.txt"), "swordfish", { mode: 0o644 });
const foreign = new DatabaseSync(join(secrets, "foreign.db"));
foreign.exec("create table t (a); insert into t values ('swordfish')");
foreign.close();
afterAll(() => {
  queries.dispose();
  rmSync(secrets, { recursive: true, force: true });
});

it("without a network only the languages without one are offered", () => {
  const offered = queries.execution.runtimes.list().map(({ language }) => language);
  expect(offered).toEqual(expect.arrayContaining(["sqlite", "duckdb"]));
  for (const language of ["postgresql", "mysql", "graphql", "http"]) expect(offered).not.toContain(language);
});

describe("SQLite", () => {
  it("gives every digit and character", async () => {
    const code = "select 9223372036854775807 as i, 0.1 as f, 9e999 as inf, 'ü€😀\"\\' as s, x'00ff' as b, null as n, 1 as i2, json('[1, 2]') as j";
    expect((await run("sqlite", code)).resultJson).toBe(
      '[{"i":9223372036854775807,"f":0.1,"inf":"Infinity","s":"ü€😀\\"\\\\","b":"AP8=","n":null,"i2":1,"j":"[1,2]"}]',
    );
  });

  it("takes arguments by name, and nothing else", async () => {
    const code = "-- :n (integer) = 5\n-- $s (text)\n-- :b (blob) = null\nselect :n as n, typeof(:n) as tn, $s as s, :b as b, ':n' as quoted";
    expect((await run("sqlite", code, '{"n":9007199254740993,"s":"\'; drop table t; --","b":"AP8="}')).resultJson).toBe(
      '[{"n":9007199254740993,"tn":"integer","s":"\'; drop table t; --","b":"AP8=","quoted":":n"}]',
    );
    expect((await run("sqlite", code)).exit.message).toBe("InvalidArgument: the argument `s` is missing");
    expect((await run("sqlite", "-- ? b (text)\nselect ? as b; select ? as c, @x as x, ?1 as d", { b: "b", arg2: 2, x: 3, arg1: 4 })).exit.reason).toBe(
      "succeeded",
    );
    expect((await run("sqlite", "select ? as b, @x as x, ? as c", { arg1: 1, x: 3, arg3: 2 })).resultJson).toBe('[{"b":1,"x":3,"c":2}]');
    expect((await run("sqlite", "select @x")).exit.message).toBe("InvalidArgument: the argument `x` is missing");
  });

  it("works on a file of the job, which the next job does not find", async () => {
    const code =
      "create table t (a);\ncreate trigger tr after insert on t begin update t set a = case when a > 1 then 0 else a end; select 1; end;\n" +
      "insert into t values (1), (2);\nselect (select group_concat(a) from t) as a, (select file from pragma_database_list) as file";
    const { resultJson, said } = await run("sqlite", code, { database: "kept.db" });
    expect(JSON.parse(resultJson)).toEqual([{ a: "1,0", file: expect.stringMatching(/\/kept\.db$/) }]);
    expect(said).toContain("statement 3: 2 rows");
    expect((await run("sqlite", "select * from t", { database: "kept.db" })).exit.message).toBe("QueryError: line 1: no such table: t");
  });

  it("names the line of an error", async () => {
    expect((await run("sqlite", "select 1;\n\nselect 2\n  frm x")).exit.message).toBe('QueryError: line 4: near "x": syntax error');
    expect((await run("sqlite", "select 1;\n/* open")).exit).toMatchObject({ reason: "syntax_error", message: "SyntaxError: line 2: this comment has no end" });
  });

  it("reaches no file of the agent's", async () => {
    const attached = await run("sqlite", `attach '${join(secrets, "foreign.db")}' as f; select * from f.t`);
    expect(attached.exit.message).toContain("unable to open database");
    // Below /tmp, but that of the helper is another.
    expect((await run("sqlite", "select * from t", { database: join(secrets, "foreign.db") })).exit.reason).toBe("exit_code");
    for (const database of ["../../etc/passwd", "/etc/passwd", "/tmp/../etc/passwd"]) {
      expect((await run("sqlite", "select 1", { database })).exit.message).toContain("must be `:memory:` or a file below");
    }
    expect((await run("sqlite", "select load_extension('/tmp/x')")).exit.message).toContain("not authorized");
  });

  it("is bounded in size of result and in memory, and the helper stays", async () => {
    const rows = "with recursive n(i) as (select 1 union all select i + 1 from n) select i, hex(zeroblob(50)) from n";
    expect((await run("sqlite", rows, {}, { limits: { resultMaxBytes: 100_000 } })).exit.reason).toBe("result_too_large");
    expect((await run("sqlite", "select hex(zeroblob(400000000))")).exit).toMatchObject({ reason: "out_of_memory" });
    const grows = "create table t (a);\nwith recursive n(i) as (select 1 union all select i + 1 from n) insert into t select zeroblob(100000) from n";
    expect((await run("sqlite", grows)).exit).toMatchObject({ reason: "out_of_memory" });
    expect((await run("sqlite", "select 1 as a")).resultJson).toBe('[{"a":1}]');
  });

  it("ends at once when it is to end, and the agent is never held up", async () => {
    const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
    const begun = `create table t (a); insert into t values (1); ${endless}`;
    const before = new Set(helpersOf("sqlite").map(({ pid }) => pid));
    // Helpers that are there already: their start counts towards the timeout.
    await Promise.all([1, 2].map(() => run("sqlite", "select 1", {}, { workspace: "endless" })));
    const one = start("sqlite", begun, {}, { workspace: "endless" });
    const two = start("sqlite", begun, {}, { workspace: "endless", limits: { timeoutMs: 3_000 } });
    await Promise.all([one.saw("1 row"), two.saw("1 row")]);
    const busy = helpersOf("sqlite").filter(({ pid }) => !before.has(pid));
    expect(busy).toHaveLength(2);
    expect((await run("sqlite", "select 1 as a")).resultJson).toBe('[{"a":1}]');
    one.cancel("enough");
    expect((await one.done).exit).toMatchObject({ reason: "cancelled", message: "enough" });
    expect((await two.done).exit).toMatchObject({ reason: "timeout" });
    for (const { pid } of busy) expect(helpersOf("sqlite").map((helper) => helper.pid)).not.toContain(pid);
  });
});

describe("DuckDB", () => {
  it("gives every digit, with lists, structs and maps", async () => {
    const code = `select 9223372036854775807 as i, 170141183460469231731687303715884105727 as h, 12345678901234567890.10::decimal(30,2) as n, 1.1::float as r,
      0.1::double as f, 'nan'::double as nan, 'ü€😀"\\' as s, '\\x00\\xFF'::blob as b, timestamp '2024-02-29 23:59:59.5' as ts,
      timestamptz '2024-02-29 12:00:00+00' as tz, date '2024-02-29' as d, interval 90 minute as iv, [1, null] as l, {'a': 1.50, 'b': ['x']} as st,
      map {'k': 1} as m, '{"a": [1, 2.50]}'::json as j, uuid '00000000-0000-0000-0000-000000000001' as u, null as no, true as t`;
    expect((await run("duckdb", code)).resultJson).toBe(
      '[{"i":9223372036854775807,"h":170141183460469231731687303715884105727,"n":12345678901234567890.10,"r":1.1,"f":0.1,"nan":"NaN","s":"ü€😀\\"\\\\","b":"AP8=",' +
        '"ts":"2024-02-29T23:59:59.5","tz":"2024-02-29T12:00:00Z","d":"2024-02-29","iv":"01:30:00","l":[1,null],"st":{"a":1.50,"b":["x"]},"m":{"k":1},' +
        '"j":{"a": [1, 2.50]},"u":"00000000-0000-0000-0000-000000000001","no":null,"t":true}]',
    );
  });

  it("takes arguments by name, and collects as asked", async () => {
    const code = "-- $n (bigint)\n-- $d (date) = 2024-01-31\n-- $s (text) = it's\nselect $n as n, $d::date + 1 as d, $s as s, '$s' as q";
    expect((await run("duckdb", code, '{"n":9007199254740993}')).resultJson).toBe('[{"n":9007199254740993,"d":"2024-02-01","s":"it\'s","q":"$s"}]');
    expect((await run("duckdb", "select $x")).exit.message).toBe("InvalidArgument: the argument `x` is missing");
    const all = "-- result_collection=all_statements_all_rows_scalar\ncreate table t as select range as a from range(3); from t where a > 0; select $$;$$";
    expect((await run("duckdb", all)).resultJson).toBe('[[3],[1,2],[";"]]');
  });

  it("works on files of the job, which the next job does not find", async () => {
    const code = "create table t as select 42 as a; copy t to 'out.parquet'; select a from 'out.parquet'";
    expect((await run("duckdb", code, { database: "kept.duckdb" })).resultJson).toBe('[{"a":42}]');
    expect((await run("duckdb", "select * from t", { database: "kept.duckdb" })).exit.message).toContain("Table with name t does not exist");
    expect((await run("duckdb", "from 'out.parquet'")).exit.message).toContain("No files found");
  });

  it("names the line of an error", async () => {
    expect((await run("duckdb", "select 1;\n\nselect 2\n  frm x y")).exit.message).toMatch(/^QueryError: line 4: Parser Error: syntax error at or near/);
  });

  it("reaches neither the agent's files nor the network, and loads nothing", async () => {
    for (const code of [
      `select * from read_text('${join(secrets, "secret.txt")}')`,
      `attach '${join(secrets, "foreign.db")}' as f`,
      "select * from read_text('/etc/shadow')",
      `select * from glob('${secrets}/*')`,
      "install httpfs; load httpfs",
    ]) {
      const { exit, resultJson } = await run("duckdb", code);
      expect({ code, text: `${exit.message} ${resultJson}` }).not.toMatchObject({ text: expect.stringContaining("swordfish") });
      expect({ code, empty: resultJson === "[]" || exit.reason === "exit_code" }).toEqual({ code, empty: true });
    }
    expect(readdirSync(secrets).sort()).toEqual(["foreign.db", "secret.txt"]);
  });

  it("is bounded in size of result and in memory", async () => {
    expect((await run("duckdb", "select range, repeat('x', 100) from range(10000000)", {}, { limits: { resultMaxBytes: 100_000 } })).exit.reason).toBe(
      "result_too_large",
    );
    expect((await run("duckdb", "select list(range) from range(400000000)")).exit).toMatchObject({ reason: "out_of_memory" });
    expect(Math.max(...helpersOf("duckdb").map(({ peakKb }) => peakKb))).toBeLessThan(1_700_000);
  });

  it("is interrupted when it is to end, and the helper stays", async () => {
    await run("duckdb", "select 1");
    const before = helpersOf("duckdb").map(({ pid }) => pid);
    const endless = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b";
    expect((await run("duckdb", endless, {}, { limits: { timeoutMs: 400 } })).exit).toMatchObject({ reason: "timeout" });
    expect((await run("duckdb", "select 1 as a")).resultJson).toBe('[{"a":1}]');
    expect(helpersOf("duckdb").map(({ pid }) => pid)).toEqual(before);
  });
});

describe("query helpers", () => {
  it("are of one workspace, and enclosed like a job", async () => {
    await Promise.all([run("sqlite", "select 1", {}, { workspace: "blue" }), run("sqlite", "select 1", {}, { workspace: "green" })]);
    const [first, second] = helpersOf("sqlite");
    expect(first?.pid).not.toBe(second?.pid);
    const names = readFileSync(`/proc/${first?.pid}/environ`, "utf8")
      .split("\0")
      .map((line) => line.split("=")[0] ?? "");
    expect(names.filter((name) => name !== "").sort()).toEqual(["HOME", "MILLRACE_HELPER_TMP", "PATH", "PWD", "TMPDIR", "TZ"]);
    const status = readFileSync(`/proc/${first?.pid}/status`, "utf8");
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    const passwd = await run("duckdb", "select content from read_text('/etc/passwd')");
    expect(passwd.resultJson).toContain("job:x:1000");
  });

  it("that die fail the job that ran in them, and no other", async () => {
    const endless = start("sqlite", "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n", {}, { workspace: "crash" });
    const before = new Set(helpersOf("sqlite").map(({ pid }) => pid));
    let victim = 0;
    while (victim === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      victim = helpersOf("sqlite").find(({ pid }) => !before.has(pid))?.pid ?? 0;
    }
    process.kill(victim, "SIGKILL");
    expect((await endless.done).exit).toMatchObject({ reason: "exit_code", message: expect.stringContaining("QueryHelperEnded: the query helper ended") });
    expect((await run("sqlite", "select 1 as a", {}, { workspace: "crash" })).resultJson).toBe('[{"a":1}]');
  });
});
