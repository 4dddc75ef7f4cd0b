import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { helpersOf, openQueries } from "./test-queries.ts";

const server = new URL(inject("testServer").url);
const admin = new pg.Client({ connectionString: server.href });
const queries = await openQueries();
const { run, start } = queries;
const suffix = randomBytes(4).toString("hex");
const ROLE = `plain_${suffix}`;
const DATABASE = `queries_${suffix}`;
const PASSWORD = "correct horse-$1;'";
const database = {
  host: server.hostname,
  port: Number(server.port),
  user: ROLE,
  password: PASSWORD,
  dbname: DATABASE,
  sslmode: "disable",
};
const sql = (code: string, args: object = {}, options: Parameters<typeof run>[3] = {}) => run("postgresql", code, { database, ...args }, options);
const activity = async (word: string): Promise<number> => {
  const found = await admin.query<{ count: string }>("select count(*) from pg_stat_activity where datname = $1 and state = 'active' and query like $2", [
    DATABASE,
    `%${word}%`,
  ]);
  return Number(found.rows[0]?.count);
};
/** The limit is that of the test: the queries that are waited for would take longer. */
const untilActive = async (word: string, active: boolean): Promise<void> => {
  while ((await activity(word)) > 0 !== active) await new Promise((resolve) => setTimeout(resolve, 5));
};

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create role ${ROLE} login password ${pg.escapeLiteral(PASSWORD)}`);
  await admin.query(`create database ${DATABASE} owner ${ROLE}`);
});
afterAll(async () => {
  queries.dispose();
  await admin.query(`drop database ${DATABASE} with (force)`);
  await admin.query(`drop role ${ROLE}`);
  await admin.end();
});

describe("results of PostgreSQL", () => {
  it("keep every digit and every character, with times in ISO 8601", async () => {
    const code = `select 9223372036854775807::bigint as b, 12345678901234567890.123456789::numeric as n, 1.10::numeric as z, 0.1::float8 as f, 1.1::real as r,
      true as t, null as nothing, 'ü€😀"\\' as s, '2024-02-29 23:59:59.123456'::timestamp as ts, '2024-02-29 12:00:00+05:30'::timestamptz as tz,
      date '2024-02-29' as d, interval '1 day 2 hours' as i, '\\x00ff'::bytea as y, '{"a": [1, 2.50]}'::jsonb as j,
      array[1, null, 3] as l, array['a,b', 'c"d', null] as w, array[[1.5, 2], [3, 4]]::numeric[] as m, 'NaN'::float8 as nan, '-Infinity'::numeric as inf`;
    const { exit, resultJson } = await sql(code);
    expect(exit.reason).toBe("succeeded");
    expect(resultJson).toBe(
      '[{"b":9223372036854775807,"n":12345678901234567890.123456789,"z":1.10,"f":0.1,"r":1.1,"t":true,"nothing":null,"s":"ü€😀\\"\\\\",' +
        '"ts":"2024-02-29T23:59:59.123456","tz":"2024-02-29T06:30:00Z","d":"2024-02-29","i":"P1DT2H","y":"AP8=","j":{"a": [1, 2.50]},' +
        '"l":[1,null,3],"w":["a,b","c\\"d",null],"m":[[1.5,2],[3,4]],"nan":"NaN","inf":"-Infinity"}]',
    );
  });

  it("are those of the last statement unless the script says otherwise", async () => {
    const code = "create temp table t (a int);\ninsert into t values (1), (2); -- a ; in a comment\nselect a, a * 10 as b from t order by a;\n";
    const { resultJson, said } = await sql(code);
    expect(resultJson).toBe('[{"a":1,"b":10},{"a":2,"b":20}]');
    expect(said).toContain("statement 2: INSERT 0 2");
    const collect = async (how: string): Promise<string> =>
      (await sql(`-- result_collection=${how}\nselect 1 as a union all select 2; select 'x' as b;`)).resultJson;
    expect(await collect("last_statement_first_row")).toBe('{"b":"x"}');
    expect(await collect("last_statement_all_rows_scalar")).toBe('["x"]');
    expect(await collect("all_statements_all_rows")).toBe('[[{"a":1},{"a":2}],[{"b":"x"}]]');
    expect(await collect("all_statements_first_row_scalar")).toBe('[1,"x"]');
    expect((await sql("select 1 as a, 2 as a")).resultJson).toBe('[{"a":2}]');
    expect((await sql("-- nothing\n")).resultJson).toBe("null");
  });

  it("that are too large end the query, in little memory", async () => {
    const limits = { resultMaxBytes: 100_000 };
    const rows = await sql("select i, repeat('x', 100) from generate_series(1, 10000000) i", {}, { limits, workspace: "large" });
    expect(rows.exit).toMatchObject({ reason: "result_too_large", message: "the result is larger than 98 KB" });
    const row = await sql("select repeat('x', 200000000)", {}, { limits, workspace: "large" });
    expect(row.exit.reason).toBe("result_too_large");
    const unread = await sql("select i, repeat('x', 100) from generate_series(1, 300000) i; select 1 as a", {}, { limits, workspace: "large" });
    expect(unread.resultJson).toBe('[{"a":1}]');
    expect((await sql("select 1 as a", {}, { limits: { resultMaxBytes: 8 } })).exit.reason).toBe("result_too_large");
    expect(Math.max(...helpersOf("network").map(({ peakKb }) => peakKb))).toBeLessThan(400_000);
  });
});

describe("arguments of PostgreSQL", () => {
  const HEAD = "-- $1 n (bigint) = 7\n-- $2 tags (text[])\n-- $3 doc (jsonb) = {}\n-- $4 raw (bytea) = null\n-- $5 day (date) = 2024-01-02\n";

  it("are bound with their types and defaults", async () => {
    const code = `${HEAD}select $1 as n, $2 as tags, $3 as doc, $4 as raw, $5 + 1 as day, pg_typeof($1)::text as kind`;
    expect((await sql(code, { tags: ["a", 'b"\\', "{c}", null] })).resultJson).toBe(
      '[{"n":7,"tags":["a","b\\"\\\\","{c}",null],"doc":{},"raw":null,"day":"2024-01-03","kind":"bigint"}]',
    );
    const big = '{"n":9007199254740993,"tags":[],"doc":{"a":1.50},"raw":"AP8=","day":"2024-12-31"}';
    const withDatabase = `${JSON.stringify({ database }).slice(0, -1)},${big.slice(1)}`;
    const outcome = await run("postgresql", code, withDatabase);
    expect(outcome.resultJson).toBe('[{"n":9007199254740993,"tags":[],"doc":{"a": 1.50},"raw":"AP8=","day":"2025-01-01","kind":"bigint"}]');
    expect(
      (await sql("-- $1 n (numeric)\n-- $2 skipped (int) = 1\n-- $3 list (int[])\nselect $3 as l; select $1 as n", { n: 1.25, list: [1, 2] })).resultJson,
    ).toBe('[{"n":1.25}]');
  });

  it("must fit what is declared", async () => {
    expect((await sql(`${HEAD}select $1`)).exit.message).toBe("InvalidArgument: the argument `tags` is missing");
    expect((await sql("select 1", { extra: 1 })).exit.message).toBe("UnknownArgument: the script takes no argument `extra`; it takes: database");
    expect((await sql("select 1,\n $2")).exit.message).toBe("InvalidArgument: the argument `arg2` is missing");
    expect((await sql("-- $1 n (int)\nselect $1", { n: "many" })).exit.message).toContain('invalid input syntax for type integer: "many" (22P02)');
    expect((await sql("select $1::int + 1 as n", { arg1: 2 })).resultJson).toBe('[{"n":3}]');
    expect((await sql("-- result_collection=some\nselect 1")).exit).toMatchObject({ reason: "syntax_error", message: expect.stringContaining("line 1") });
    expect((await run("postgresql", "-- database f/db/main\nselect 1")).exit.message).toContain("the script names the database f/db/main");
  });

  it("never become part of a statement (S-80)", async () => {
    await sql("create table if not exists victims (a text); truncate victims");
    const evil = [
      "'; drop table victims; --",
      "$$; drop table victims; $$",
      "\\'; drop table victims; --",
      "1); drop table victims; --",
      '"; drop table victims',
    ];
    for (const name of evil) {
      const outcome = await sql("-- $1 name (text)\ninsert into victims values ($1); select a from victims where a = $1", { name });
      expect(outcome.resultJson).toBe(JSON.stringify([{ a: name }]));
    }
    expect((await sql("-- $1 name (text)\nselect * from $1", { name: "victims" })).exit.message).toContain("(42601)");
    expect((await sql("select count(*)::int as n from victims")).resultJson).toBe(`[{"n":${evil.length}}]`);
  });

  it("give no more than the server gives to the user (S-80)", async () => {
    for (const code of [
      "copy (select 1) to program 'touch /tmp/owned'",
      "select pg_read_file('/etc/passwd')",
      "create extension adminpack",
      "copy victims from '/etc/passwd'",
    ]) {
      const { exit } = await sql(code);
      expect({ code, reason: exit.reason, message: exit.message }).toMatchObject({
        reason: "exit_code",
        message: expect.stringMatching(/\((?:42501|0A000)\)$/),
      });
    }
    expect((await sql("copy (select 1) to stdout")).exit.message).toContain("COPY TO STDOUT is not passed on");
    expect((await sql("create temp table t (a int); copy t from stdin")).exit.message).toContain("COPY FROM STDIN has nothing to read here");
  });
});

describe("errors of PostgreSQL", () => {
  it("name the line of the script, the code and what helps", async () => {
    const { exit, resultJson } = await sql("select 1;\n-- 'ü' 😀\n\nselect '😀',\n  nosuch\nfrom pg_class");
    expect(exit).toMatchObject({ reason: "exit_code", code: 1, message: 'QueryError: line 5: column "nosuch" does not exist (42703)' });
    expect(JSON.parse(resultJson)).toEqual({
      error: { name: "QueryError", message: 'line 5: column "nosuch" does not exist (42703)', code: "42703", line: 5 },
    });
    const detail = await sql("create temp table u (a int primary key); insert into u values (1);\ninsert into u values (1)");
    expect(JSON.parse(detail.resultJson)).toMatchObject({ error: { code: "23505", line: 2, detail: "Key (a)=(1) already exists." } });
    expect((await sql("select 'a\nb")).exit).toMatchObject({ reason: "syntax_error", message: "SyntaxError: line 1: this string has no end" });
  });

  it("of the connection are another kind, and never hold the password", async () => {
    const wrong = "Tr0ub4dor&3";
    const outcomes = await Promise.all([
      run("postgresql", "select 1", { database: { ...database, password: wrong } }),
      run("postgresql", "select 1", { database: { ...database, port: 1, password: wrong } }),
      run("postgresql", "select 1", { database: `postgres://someone:${wrong}@nosuch.invalid/x` }),
      run("postgresql", "select 1", { database: { ...database, sslmode: "require", password: wrong } }),
      run("postgresql", "select 1", { database: `http://someone:${wrong}@127.0.0.1/x` }),
    ]);
    expect(outcomes.map(({ exit }) => exit.message.split(":")[0])).toEqual([...Array.from({ length: 4 }, () => "ConnectionError"), "InvalidArgument"]);
    expect(outcomes[0]?.exit.message).toContain("password authentication failed");
    expect(outcomes[3]?.exit.message).toContain("does not support SSL");
    for (const outcome of outcomes) expect(JSON.stringify(outcome)).not.toContain(wrong);
  });
});

describe("sessions of PostgreSQL", () => {
  const PID = "select pg_backend_pid() as pid";

  it("serve the next job of the same workspace as new, and no other", async () => {
    const first = (await sql(PID)).resultJson;
    await sql("set search_path to nowhere; set timezone to 'Asia/Tokyo'; create temp table mine (a int); prepare p as select 1");
    const { resultJson } = await sql(`${PID}, current_setting('search_path') as path, now()::text like '%+00' as utc, to_regclass('mine') as mine`);
    expect(resultJson).toBe(`[{"pid":${JSON.parse(first)[0].pid},"path":"\\"$user\\", public","utc":true,"mine":null}]`);
    expect((await sql(PID, {}, { workspace: "other" })).resultJson).not.toBe(first);
    expect((await run("postgresql", PID, { database: { ...database, password: "wrong" } })).exit.message).toContain("password authentication failed");
  });

  it("roll back what a script left open", async () => {
    await sql("create table if not exists half (a int); truncate half");
    await sql("begin; insert into half values (1)");
    expect((await sql("begin; insert into half values (1); select 1 / 0")).exit.message).toContain("(22012)");
    expect((await sql("select count(*)::int as n from half")).resultJson).toBe('[{"n":0}]');
  });

  it("run side by side in one helper", async () => {
    const helpers = helpersOf("network").length;
    const jobs = Array.from({ length: 8 }, () => start("postgresql", "select pg_sleep(100), 'side by side'", { database }, { workspace: "many" }));
    while ((await activity("side by side")) < 8) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(helpersOf("network").length).toBe(helpers + 1);
    for (const job of jobs) job.cancel("all were seen at once");
    for (const job of jobs) expect((await job.done).exit.reason).toBe("cancelled");
  });
});

describe("a query of PostgreSQL that is to end", () => {
  it("is cancelled on the server, by a cancel and by a timeout", async () => {
    const cancelled = start("postgresql", "select pg_sleep(300) as cancel_me", { database });
    const late = start("postgresql", "select pg_sleep(300) as too_late", { database }, { limits: { timeoutMs: 1_000 } });
    await untilActive("cancel_me", true);
    cancelled.cancel("no longer wanted");
    expect((await cancelled.done).exit).toMatchObject({ reason: "cancelled", message: "no longer wanted" });
    // Told at once, shown a moment later.
    await untilActive("cancel_me", false);
    expect((await late.done).exit).toMatchObject({ reason: "timeout" });
    await untilActive("too_late", false);
    expect((await sql("select 1 as a")).resultJson).toBe('[{"a":1}]');
  });
});
