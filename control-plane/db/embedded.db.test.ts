import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";
import { identityOf, postgresProcessesIn } from "./process-identity.ts";

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const HOLDER = fileURLToPath(new URL("embedded-holder.fixture.ts", import.meta.url));
const DEADLINE_MS = 20_000;
let stateDir: string;

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), "millrace-embedded-"));
  chmodSync(stateDir, 0o755);
});

afterAll(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // A killed server ends connections; the tests look at the queries.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function until<T>(what: string, attempt: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (performance.now() > deadlineMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const reconnect = (url: string): Promise<Client> => until("the database answers", () => connect(url).catch(() => undefined));
const dataFolder = (): string => join(stateDir, "postgres/data");

test("a new server has checksums, takes passwords only, and keeps them from other users", async () => {
  const server = await startEmbeddedPostgres({ stateDir, log: silent });
  try {
    const client = await connect(server.url);
    const { rows } = await client.query(
      "select current_setting('data_checksums') as checksums, current_setting('server_version_num')::int / 10000 as major, current_setting('fsync') as fsync",
    );
    expect(rows).toEqual([{ checksums: "on", major: 18, fsync: "on" }]);
    await client.query("create table kept (id int); insert into kept values (1)");
    await client.end();
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(connect(wrong.href)).rejects.toMatchObject({ code: "28P01" });
    const overTcp = new URL(server.url);
    overTcp.search = "";
    await (await connect(overTcp.href)).end();
    expect(statSync(join(stateDir, "postgres/password")).mode & 0o077).toBe(0);
    expect(statSync(dataFolder()).mode & 0o077).toBe(0);
    await expect(startEmbeddedPostgres({ stateDir, log: silent })).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining(`in use by process ${process.pid}`),
    });
  } finally {
    await server.stop();
  }
  expect(postgresProcessesIn(dataFolder())).toEqual([]);
});

test("a killed server comes back by itself at the same address, even while an old backend is busy", async () => {
  const server = await startEmbeddedPostgres({ stateDir, log: silent });
  try {
    const busy = await connect(server.url);
    await busy.query("insert into kept values (2)");
    const { rows } = await busy.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backend = rows[0]?.pid ?? 0;
    // A loop without a wait never looks whether the postmaster lives.
    const looping = busy.query("do $$ begin for i in 1..2000000000 loop end loop; end $$").catch((error: unknown) => error);
    const observer = await connect(server.url);
    await until("the loop runs", async () =>
      (await observer.query("select 1 from pg_stat_activity where pid = $1 and state = 'active' and query like 'do %'", [backend])).rowCount === 1
        ? true
        : undefined,
    );
    const before = server.pid;
    process.kill(before, "SIGKILL");
    expect(await looping).toBeInstanceOf(Error);
    const client = await reconnect(server.url);
    expect((await client.query("select id from kept order by id")).rows).toEqual([{ id: 1 }, { id: 2 }]);
    await client.end();
    await until("the new pid is told", () => (server.pid === before ? undefined : true));
    expect(identityOf(backend)).toBeUndefined();
  } finally {
    await server.stop();
  }
});

test("a killed supervisor is replaced, and the address stays", async () => {
  const server = await startEmbeddedPostgres({ stateDir, log: silent });
  try {
    const before = server.pid;
    const lock: unknown = JSON.parse(readFileSync(join(stateDir, "postgres/supervisor.lock"), "utf8"));
    expect(lock).toMatchObject({ supervisor: { pid: expect.any(Number) }, parent: { pid: process.pid } });
    process.kill((lock as { supervisor: { pid: number } }).supervisor.pid, "SIGKILL");
    await until("a new server", () => (server.pid === before ? undefined : true));
    const client = await reconnect(server.url);
    expect((await client.query("select count(*)::int as rows from kept")).rows).toEqual([{ rows: 2 }]);
    await client.end();
  } finally {
    await server.stop();
  }
});

test("the database stops when its control plane is killed, and a start right after waits for that", async () => {
  const holder = spawn(process.execPath, [HOLDER, stateDir], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(holder.stdout, "data");
  const { pid } = JSON.parse(String(line)) as { pid: number };
  expect(identityOf(pid)).toBeDefined();
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const startedMs = performance.now();
  const server = await startEmbeddedPostgres({ stateDir, log: silent });
  const tookMs = performance.now() - startedMs;
  try {
    expect(identityOf(pid)).toBeUndefined();
    const client = await connect(server.url);
    expect((await client.query("select count(*)::int as rows from kept")).rows).toEqual([{ rows: 2 }]);
    await client.end();
    // Not the minutes that a start may take.
    expect(tookMs).toBeLessThan(30_000);
  } finally {
    await server.stop();
  }
});

test("stale pid and socket files of a crash do not stop a start", async () => {
  // The pid file names a process that lives but is no server of ours: the pid was given out again.
  const stale = `${process.pid}\n${dataFolder()}\n1\n5432\n/tmp\nlocalhost\n  1 1\nready\n`;
  writeFileSync(join(dataFolder(), "postmaster.pid"), stale);
  const port = readFileSync(join(stateDir, "postgres/port"), "utf8").trim();
  writeFileSync(join(stateDir, "postgres/socket", `.s.PGSQL.${port}.lock`), stale);
  const server = await startEmbeddedPostgres({ stateDir, log: silent });
  await server.stop();
});

test("data of another major version, and a folder that is none of ours, are refused with advice", async () => {
  const version = join(dataFolder(), "PG_VERSION");
  const right = readFileSync(version);
  writeFileSync(version, "16\n");
  await expect(startEmbeddedPostgres({ stateDir, log: silent })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringMatching(/made by PostgreSQL 16, this build brings PostgreSQL 18/),
    hint: expect.any(String),
  });
  writeFileSync(version, right);

  const foreign = join(stateDir, "foreign");
  mkdirSync(join(foreign, "postgres/data"), { recursive: true });
  writeFileSync(join(foreign, "postgres/data/letter.txt"), "mine");
  await expect(startEmbeddedPostgres({ stateDir: foreign, log: silent })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("holds files, but no PostgreSQL data"),
  });
  expect(readdirSync(join(foreign, "postgres/data"))).toEqual(["letter.txt"]);
});

test("a state folder with a very long path gets its socket elsewhere", async () => {
  const long = join(stateDir, "x".repeat(100));
  mkdirSync(long);
  const server = await startEmbeddedPostgres({ stateDir: long, log: silent });
  try {
    expect(server.url).not.toContain("xxxx");
    await (await connect(server.url)).end();
  } finally {
    await server.stop();
  }
});

test("a setting that the server refuses is reported with its own words", async () => {
  await expect(startEmbeddedPostgres({ stateDir, log: silent, settings: { shared_buffers: "nonsense" } })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
  });
});
