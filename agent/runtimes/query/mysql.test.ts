import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasMariadb, startMariadb, type TestMariadb } from "./test-mariadb.ts";
import { helpersOf, openQueries } from "./test-queries.ts";

const PASSWORD = "correct horse-?;'";

describe.skipIf(!hasMariadb)("MariaDB", () => {
  let server: TestMariadb;
  let queries: Awaited<ReturnType<typeof openQueries>>;
  let database: Record<string, unknown>;
  const admin = (sql: string): Promise<unknown> =>
    new Promise((resolve, reject) => server.admin.query(sql, (error, rows) => (error === null ? resolve(rows) : reject(error))));
  const sql = (code: string, args: object = {}, options: Parameters<typeof queries.run>[3] = {}) => queries.run("mysql", code, { database, ...args }, options);
  const runningNow = async (word: string): Promise<unknown> =>
    JSON.parse(JSON.stringify(await admin(`select id from information_schema.processlist where info like 'select sleep%${word}%'`)));

  /** The limit is that of the test: the queries that are waited for would take longer. */
  const untilRunning = async (word: string, running: boolean): Promise<void> => {
    for (;;) {
      const found = await runningNow(word);
      if (Array.isArray(found) && found.length > 0 === running) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  beforeAll(async () => {
    [server, queries] = await Promise.all([startMariadb(), openQueries()]);
    await admin(`create database shop; create user plain@'%' identified by '${PASSWORD.replaceAll("'", "''")}'; grant all on shop.* to plain@'%'`);
    database = { host: "127.0.0.1", port: server.port, user: "plain", password: PASSWORD, database: "shop" };
  });
  afterAll(async () => {
    queries.dispose();
    await server.stop();
  });

  const VALUES = `select cast(-9223372036854775808 as signed) as b, cast(18446744073709551615 as unsigned) as u, 12345678901234567890.10 as n, 0.1e0 as f,
    null as nothing, 'ü€😀"\\\\' as s, timestamp '2024-02-29 23:59:59.123456' as ts, date '2024-02-29' as d, time '-10:00:01' as t, x'00ff' as y, true as yes`;
  const EXPECTED =
    '[{"b":-9223372036854775808,"u":18446744073709551615,"n":12345678901234567890.10,"f":0.1,"nothing":null,"s":"ü€😀\\"\\\\",' +
    '"ts":"2024-02-29T23:59:59.123456","d":"2024-02-29","t":"-10:00:01","y":"AP8=","yes":1}]';

  it("gives results with every digit and character, with and without arguments", async () => {
    expect((await sql(VALUES)).resultJson).toBe(EXPECTED);
    // With an argument the server prepares the statement and answers in another format.
    expect((await sql(`-- ? one (int)\n${VALUES} where 1 = ?`, { one: 1 })).resultJson).toBe(EXPECTED);
    await sql("create or replace table kinds (f float, b bit(9), y year, bl blob, e enum('a','b'), ts timestamp, u tinyint unsigned)");
    const { resultJson } = await sql(
      "-- ? f (float)\n-- ? bl (blob)\ninsert into kinds values (?, b'100000001', 2024, ?, 'b', '2024-02-29 12:00:00', 200); select * from kinds",
      { f: 1.1, bl: "AP8=" },
    );
    expect(resultJson).toBe('[{"f":1.1,"b":257,"y":2024,"bl":"AP8=","e":"b","ts":"2024-02-29T12:00:00","u":200}]');
    expect((await sql("-- :x (int) = 1\nselect f from kinds where :x = 1")).resultJson).toBe('[{"f":1.1}]');
  });

  it("takes arguments by order and by name, with their digits", async () => {
    const code = "-- ? a (bigint)\n-- :b (text) = it's\n-- ? c (decimal(20,5))\nselect ? as a, :b as b; select ? as c, :b as b, ? + 0 as d";
    expect((await sql(code, { a: 1, c: 2 })).exit.message).toContain("the argument `arg4` is missing");
    const good = `-- ? a (bigint)\n-- :b (text) = it's\n-- ? c (decimal(30,5))\n-- result_collection=all_statements_first_row\nselect ? as a, :b as b, '?' as q, '::x' as r; select ? as c, :b as b`;
    const args = `${JSON.stringify({ database }).slice(0, -1)},"a":9007199254740993,"c":12345678901234567890.12345}`;
    expect((await queries.run("mysql", good, args)).resultJson).toBe(
      '[{"a":9007199254740993,"b":"it\'s","q":"?","r":"::x"},{"c":12345678901234567890.12345,"b":"it\'s"}]',
    );
    expect((await sql("-- ? n (int)\nselect seq from seq_1_to_5 limit ?", { n: 2 })).resultJson).toBe('[{"seq":1},{"seq":2}]');
  });

  it("sends each statement alone and arguments apart from them (S-80)", async () => {
    await sql("create or replace table victims (a text)");
    const evil = ["'; drop table victims; -- ", '"; drop table victims; #', "\\'; drop table victims; -- ", "1); drop table victims; -- "];
    for (const name of evil) await sql("-- ? name (text)\ninsert into victims values (?)", { name });
    expect((await sql("select a from victims")).resultJson).toBe(JSON.stringify(evil.map((a) => ({ a }))));
    const procedure = "create or replace procedure p(n int) begin if n > 1 then select 'a;b' as x; else select 1 as x; end if; end;\ncall p(2)";
    expect((await sql(procedure)).resultJson).toBe('[{"x":"a;b"}]');
    expect((await sql("select load_file('/etc/passwd') as f")).resultJson).toBe('[{"f":null}]');
    expect((await sql("select 1 into outfile '/tmp/owned'")).exit.message).toContain("FILE privilege");
  });

  it("does not read files for the server (S-80)", async () => {
    const honest = await sql("create or replace table lines (a text); load data local infile '/etc/hostname' into table lines");
    expect(honest.exit).toMatchObject({ reason: "exit_code" });
    const { port, asked, close } = await evilServer();
    const outcome = await queries.run("mysql", "select 1", { database: { host: "127.0.0.1", port, user: "x", password: "y", sslmode: "disable" } });
    expect(outcome.exit.reason).toBe("exit_code");
    const sent = await asked;
    expect(sent.includes(readFileSync(new URL("../../../package.json", import.meta.url)).subarray(0, 40))).toBe(false);
    close();
  });

  it("names the line of an error in the script, and keeps the password to itself", async () => {
    const { exit, resultJson } = await sql("select 1;\n\nselect 2\n  frm x y");
    expect(exit).toMatchObject({ reason: "exit_code", message: expect.stringMatching(/^QueryError: line 4: You have an error .* at line 4 \(42000\)$/) });
    expect(JSON.parse(resultJson)).toMatchObject({ error: { code: "42000", line: 4, hint: "ER_PARSE_ERROR" } });
    const wrong = await queries.run("mysql", "select 1", { database: { ...database, password: "Tr0ub4dor&3" } });
    expect(wrong.exit.message).toMatch(/^ConnectionError: cannot connect to MySQL: Access denied/);
    const secure = await queries.run("mysql", "select 1", { database: { ...database, password: "Tr0ub4dor&3", sslmode: "require" } });
    expect(secure.exit.message).toMatch(/^ConnectionError: /);
    expect(JSON.stringify([wrong, secure])).not.toContain("Tr0ub4dor");
  });

  it("is reached over TLS as the mode asks, with the name that was asked for", async (context) => {
    if (server.authority === "") context.skip("there is no openssl");
    const cipher = async (more: object): Promise<string> => {
      const { exit, resultJson } = await queries.run("mysql", "show status like 'Ssl_cipher'", { database: { ...database, ...more } });
      return exit.reason === "succeeded" ? JSON.parse(resultJson)[0].Value : exit.message;
    };
    const root = { root_certificate_pem: server.authority };
    expect(await cipher({ sslmode: "disable" })).toBe("");
    for (const more of [{}, { sslmode: "require" }, { sslmode: "verify-ca", ...root }, { sslmode: "verify-full", host: "localhost", ...root }]) {
      expect({ more, cipher: await cipher(more) }).toMatchObject({ cipher: expect.stringMatching(/^(?:TLS|ECDHE)/) });
    }
    for (const more of [{ sslmode: "verify-ca" }, { sslmode: "verify-full", host: "localhost" }, { sslmode: "verify-full", host: "127.0.0.1", ...root }]) {
      expect({ more, message: await cipher(more) }).toMatchObject({ message: expect.stringMatching(/^ConnectionError: /) });
    }
    const secure = queries.start("mysql", "select sleep(300) as over_tls", { database: { ...database, sslmode: "verify-full", host: "localhost", ...root } });
    await untilRunning("over_tls", true);
    secure.cancel("");
    await secure.done;
    await untilRunning("over_tls", false);
  });

  it("is read no further than the largest result, in little memory", async () => {
    const limits = { resultMaxBytes: 100_000 };
    expect((await sql("select seq, repeat('x', 100) as a from seq_1_to_10000000", {}, { limits })).exit.reason).toBe("result_too_large");
    expect((await sql("-- ? n (int)\nselect seq, repeat('x', ?) as a from seq_1_to_10000000", { n: 100 }, { limits })).exit.reason).toBe("result_too_large");
    expect((await sql("select seq from seq_1_to_300000; select 1 as a", {}, { limits })).resultJson).toBe('[{"a":1}]');
    expect(Math.max(...helpersOf("network").map(({ peakKb }) => peakKb))).toBeLessThan(400_000);
  });

  it("gives each job a session as new", async () => {
    const id = (await sql("select connection_id() as id")).resultJson;
    await sql("create or replace table half (a int) engine innodb");
    await sql("set @mine = 1; set session sql_mode = ''; create temporary table t (a int); start transaction; insert into half values (1)");
    expect((await sql("select connection_id() as id, @mine as mine, (select count(*) from half) as n")).resultJson).toBe(
      `[{"id":${JSON.parse(id)[0].id},"mine":null,"n":0}]`,
    );
    expect((await sql("select * from t")).exit.message).toContain("doesn't exist");
  });

  it("stops on the server when the job is to end", async () => {
    const cancelled = queries.start("mysql", "select sleep(300) as cancel_me", { database });
    const late = queries.start("mysql", "-- ? s (int)\nselect sleep(?) as too_late", { database, s: 300 }, { limits: { timeoutMs: 1_000 } });
    await untilRunning("cancel_me", true);
    cancelled.cancel("no longer wanted");
    expect((await cancelled.done).exit).toMatchObject({ reason: "cancelled", message: "no longer wanted" });
    await untilRunning("cancel_me", false);
    expect((await late.done).exit).toMatchObject({ reason: "timeout" });
    await untilRunning("too_late", false);
    expect((await sql("select 1 as a")).resultJson).toBe('[{"a":1}]');
  });
});

/** A server that lets anybody in and answers every query by asking for a file that every helper can read. `asked` is what it got after that. */
async function evilServer(): Promise<{ port: number; asked: Promise<Buffer>; close(): void }> {
  const asked = Promise.withResolvers<Buffer>();
  const packet = (sequence: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([body.length & 0xff, body.length >> 8, 0, sequence]), body]);
  const greeting = Buffer.concat([
    Buffer.from([10]),
    Buffer.from("5.7.0\0"),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from("12345678\0"),
    Buffer.from([0xff, 0xf7, 33, 2, 0, 0xff, 0x81, 21]),
    Buffer.alloc(10),
    Buffer.from("123456789012\0mysql_native_password\0"),
  ]);
  const ok = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
  const server = createServer((socket: Socket) => {
    let turns = 0;
    socket.on("error", () => undefined);
    socket.on("close", () => asked.resolve(Buffer.alloc(0)));
    socket.write(packet(0, greeting));
    socket.on("data", (data) => {
      turns += 1;
      if (turns === 1) socket.write(packet(2, ok));
      else if (turns === 2) socket.write(packet(1, Buffer.concat([Buffer.from([0xfb]), Buffer.from("/millrace/package.json")])));
      else {
        asked.resolve(data);
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : 0, asked: asked.promise, close: () => server.close() };
}
