import { execFile, execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentView, MadeJoinToken } from "../control-plane/agents/contract.ts";
import { generateToken } from "../control-plane/identity/token-format.ts";
import { job, launch, openWorld, type Process, run, startWorld, until, untilEnded, type World } from "./harness.ts";
import { RawAgent } from "./raw-agent.ts";

const BIN = fileURLToPath(new URL("../bin/millrace", import.meta.url));
const NO_TOKEN = { MILLRACE_AGENT_TOKEN: "" };
/** Starts sooner: where the sandbox is not what is tested. */
const BARE = { MILLRACE_AGENT_SANDBOX: "off" };
/** Losses are noticed soon, credentials live for two seconds. */
const QUICK = {
  MILLRACE_CREDENTIAL_MS: "2000",
  MILLRACE_KEEPALIVE_MS: "300",
  MILLRACE_SUSPECT_MS: "1500",
  MILLRACE_SELF_FENCE_MS: "2000",
  MILLRACE_RECLAIM_MS: "3000",
};

let world: World;
let pool: pg.Pool;
beforeAll(async () => {
  world = await startWorld({ env: QUICK });
  pool = new pg.Pool({ connectionString: world.databaseUrl, max: 2 });
});
afterAll(async () => {
  await pool.end();
  await world.close();
});

const bash = (content: string, tag: string): Record<string, unknown> => ({ code: { language: "bash", content }, tag });

async function joinToken(body: Record<string, unknown> = {}, of: World = world): Promise<MadeJoinToken> {
  return (await of.api<MadeJoinToken>("POST", "/agents/join-tokens", body)).body;
}

async function agentNamed(name: string, of: World = world): Promise<AgentView | undefined> {
  return (await of.api<{ agents: AgentView[] }>("GET", "/agents")).body.agents.find((agent) => agent.name === name);
}

async function idOf(name: string, of: World = world): Promise<string> {
  return (await agentNamed(name, of))?.id ?? "";
}

/** Starts an agent that is not expected to be let in. @returns its exit code and what it said */
async function refusedAgent(name: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; said: string }> {
  const said = join(world.dir, `refused-${name}.log`);
  const settings = {
    MILLRACE_GRPC_ADDRESS: `127.0.0.1:${world.grpcPort}`,
    MILLRACE_AGENT_NAME: name,
    MILLRACE_AGENT_DATA_DIR: join(world.dir, `agent-${name}`),
    MILLRACE_AGENT_LANGUAGES: "bash",
  };
  const agent = launch(["agent"], { ...settings, ...env }, said);
  await exitOf(agent);
  return { code: agent.child.exitCode, said: readFileSync(said, "utf8") };
}

function exitOf(agent: Process): Promise<number | null> {
  return agent.child.exitCode !== null ? Promise.resolve(agent.child.exitCode) : new Promise((resolve) => agent.child.once("exit", (code) => resolve(code)));
}

describe.concurrent("an agent of a workspace", () => {
  test("joins with a token made by the CLI, gets new credentials in the stream, and starts again without the token", async () => {
    const env = { PATH: process.env["PATH"], MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`, MILLRACE_TOKEN: world.credentials.token };
    const made = await promisify(execFile)(BIN, ["agents", "join-token", "create", "--uses", "1", "--expires", "1h", "--tags", "joined"], { env });
    const file = join(world.dir, "join-token");
    writeFileSync(file, made.stdout, { mode: 0o600 });
    const settings = { ...NO_TOKEN, MILLRACE_AGENT_JOIN_TOKEN_FILE: file, MILLRACE_AGENT_TAGS: "joined" };
    const agent = await world.startAgent("joined", settings);
    const first = await agentNamed("joined");
    expect(first).toMatchObject({ scope: "workspace", shared: false, enrolled: true, state: "active" });
    expect((await run(world, bash("echo '\"here\"'", "joined"), 20)).status).toBe("succeeded");
    const identity = join(world.dir, "agent-joined", "identity");
    const stored = (): { credential: string } => JSON.parse(readFileSync(join(identity, "agent.json"), "utf8")) as { credential: string };
    expect([statSync(identity).mode & 0o777, statSync(join(identity, "key.pem")).mode & 0o777]).toEqual([0o700, 0o600]);
    const before = stored().credential;
    await until("it has a new credential", async () => stored().credential !== before);
    await agent.kill("SIGKILL");
    await world.startAgent("joined", { ...NO_TOKEN, MILLRACE_AGENT_TAGS: "joined" });
    expect((await agentNamed("joined"))?.id).toBe(first?.id);
    const second = await refusedAgent("second", { MILLRACE_AGENT_JOIN_TOKEN: made.stdout.trim(), MILLRACE_AGENT_TAGS: "joined" });
    expect(second).toMatchObject({ code: 9, said: expect.stringContaining("used as often as it may be") });
    const tokens = (await world.api<{ tokens: { id: string; status: string }[] }>("GET", "/agents/join-tokens")).body.tokens;
    expect(tokens.find(({ id }) => made.stdout.includes(id))).toMatchObject({ status: "used_up", used: 1 });
    const { rows } = await pool.query("SELECT * FROM agent_join_token");
    expect(JSON.stringify(rows)).not.toContain(made.stdout.trim().split("_")[3]);
  });

  test("is refused with a token that does not allow its tags or address, or was revoked", async () => {
    const tags = await joinToken({ tags: ["other"] });
    const address = await joinToken({ cidrs: ["10.0.0.0/8", "2001:db8::/32"] });
    const revoked = await joinToken();
    expect((await world.api("DELETE", `/agents/join-tokens/${revoked.id}`)).status).toBe(204);
    const answers = await Promise.all(
      [tags, address, revoked].map(({ token }, at) => refusedAgent(`stranger-${at}`, { MILLRACE_AGENT_JOIN_TOKEN: token, MILLRACE_AGENT_TAGS: "mine" })),
    );
    expect(answers.map(({ code }) => code)).toEqual([9, 9, 9]);
    expect(answers.map(({ said }) => said)).toEqual([
      expect.stringContaining("allows the tags other only"),
      expect.stringContaining("does not allow agents from 127.0.0.1"),
      expect.stringContaining("unknown, expired or revoked"),
    ]);
  });

  test("whose credential has lapsed comes back by its key alone within a day, and not after it", async () => {
    const settings = { ...NO_TOKEN, ...BARE, MILLRACE_AGENT_TAGS: "lapsed" };
    const agent = await world.startAgent("lapsed", { ...settings, MILLRACE_AGENT_JOIN_TOKEN: (await joinToken()).token });
    await agent.kill("SIGKILL");
    const lapse = (ago: string) => pool.query("UPDATE agent SET credential_until = clock_timestamp() - $1::interval WHERE name = 'lapsed'", [ago]);
    await lapse("23 h");
    const again = await world.startAgent("lapsed", settings);
    await again.kill("SIGKILL");
    await lapse("25 h");
    expect(await refusedAgent("lapsed", settings)).toMatchObject({ code: 9, said: expect.stringContaining("it must join again") });
    const id = await pool.query("SELECT id FROM agent WHERE name = 'lapsed'");
    const rejoined = await world.startAgent("lapsed", { ...settings, MILLRACE_AGENT_JOIN_TOKEN: (await joinToken()).token });
    await rejoined.kill("SIGTERM");
    expect((await pool.query("SELECT id FROM agent WHERE name = 'lapsed'")).rows).toEqual(id.rows);
    // A credential without its key opens nothing: the thief makes a key of his own.
    const thief = join(world.dir, "agent-thief", "identity");
    execFileSync("mkdir", ["-p", thief]);
    execFileSync("cp", [join(world.dir, "agent-lapsed", "identity", "agent.json"), thief]);
    expect(await refusedAgent("thief", settings)).toMatchObject({ code: 9, said: expect.stringContaining("has not proven its key") });
  });

  test("gets no job of another workspace, and can say nothing about one", async () => {
    const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('theirs') RETURNING id::text");
    const theirs = generateToken("agent");
    await pool.query("INSERT INTO token (id, secret_hash, kind, workspace_id, label) VALUES ($1, $2, 'agent', $3, 'test')", [
      theirs.id,
      theirs.secretHash,
      rows[0]?.id,
    ]);
    const hostile = new RawAgent(`127.0.0.1:${world.grpcPort}`, theirs.text, { agentName: "hostile", slots: 100, tags: ["ours", "default"] });
    await until("it is welcome", async () => hostile.frames.length > 0);
    const alive = setInterval(() => hostile.send({ keepalive: { sentAtMs: 1, held: [] } }), 300);
    await world.startAgent("ours", { ...NO_TOKEN, ...BARE, MILLRACE_AGENT_JOIN_TOKEN: (await joinToken()).token, MILLRACE_AGENT_TAGS: "ours" });
    const gate = join(world.dir, "answered");
    const { id } = await run(world, bash(`until [ -e ${gate} ]; do sleep 0.1; done; echo mine; echo '"mine"'`, "ours"));
    await until("our job runs", async () => (await job(world, id)).status === "running");
    const { rows: running } = await pool.query<{ token: string }>("SELECT token::text FROM job_running WHERE id = $1", [id]);
    const ref = { jobId: id, token: running[0]?.token ?? "" };
    const nothing = { startedAtUs: 1, finishedAtUs: 2, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
    hostile.send({
      received: [ref],
      started: [{ ...ref, atUs: 1 }],
      finished: [{ ...ref, ...nothing, exit: { reason: 1, code: 0, signal: "", message: "" }, resultJson: '"theirs"' }],
    });
    hostile.send({ keepalive: { sentAtMs: 1, held: [ref] } });
    hostile.send({ finished: [{ ...ref, ...nothing, exit: { reason: 14, code: 0, signal: "", message: "" }, resultJson: "null" }] });
    await until("it was answered", async () => hostile.frames.flatMap((frame) => frame.finishedAcks).length === 2);
    expect(hostile.frames.flatMap((frame) => frame.finishedAcks.map(({ verdict }) => verdict))).toEqual([2, 2]);
    writeFileSync(gate, "");
    const ended = await untilEnded(world, id);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 1, agent: "ours" });
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("mine");
    expect(hostile.frames.flatMap((frame) => frame.assign)).toEqual([]);
    clearInterval(alive);
    hostile.close();
  });
});

describe.concurrent("conduct and TLS", () => {
  test("a member sees a shared agent without its host, an administrator sees it whole, and only he gives it orders", async () => {
    await world.startAgent("shared", { ...BARE, MILLRACE_AGENT_TAGS: "shared" });
    const ask = async (token: string, method: string, path: string): Promise<{ status: number; body: { agents: AgentView[] } }> => {
      const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main${path}`, { method, headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: (await response.json()) as { agents: AgentView[] } };
    };
    const { token, admin_token: admin } = world.credentials;
    const seen = await agentNamed("shared");
    const whole = (await ask(admin, "GET", "/agents")).body.agents.find(({ name }) => name === "shared");
    expect(seen).toMatchObject({ scope: "shared", host: "", sandbox: { reasons: [] } });
    expect(whole?.host).not.toBe("");
    expect((await ask(token, "POST", `/agents/${seen?.id}/pause`)).status).toBe(404);
    expect((await ask(admin, "POST", `/agents/${seen?.id}/pause`)).status).toBe(200);
    await until("it is paused", async () => (await agentNamed("shared"))?.state === "paused");
    expect((await ask(admin, "POST", `/agents/${seen?.id}/resume`)).status).toBe(200);
    await until("it is active", async () => (await agentNamed("shared"))?.state === "active");
  });

  test("an agent that is told to drain ends with 0", async () => {
    const drained = await world.startAgent("drained", { ...BARE, MILLRACE_AGENT_TAGS: "drained" });
    const admin = { authorization: `Bearer ${world.credentials.admin_token}` };
    const { id } = await run(world, bash("sleep 2; echo '\"through\"'", "drained"));
    await until("the job runs", async () => (await job(world, id)).status === "running");
    expect((await world.api("POST", `/agents/${await idOf("drained")}/drain`, undefined, admin)).status).toBe(200);
    expect([await exitOf(drained), (await untilEnded(world, id)).status]).toEqual([0, "succeeded"]);
  });

  test("an agent that takes one job takes one, and one without work goes home", async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => (await run(world, bash("true", "once"))).id));
    const once = await startAnyAgent("once", { ...BARE, MILLRACE_AGENT_TAGS: "once", MILLRACE_AGENT_MAX_JOBS: "1" });
    expect(await exitOf(once)).toBe(0);
    const views = await Promise.all(ids.map((one) => job(world, one)));
    expect(views.map(({ status }) => status).sort()).toEqual(["queued", "queued", "succeeded"]);
    const idle = await startAnyAgent("idle", { ...BARE, MILLRACE_AGENT_TAGS: "once", MILLRACE_AGENT_EXIT_WHEN_IDLE_S: "1" });
    expect(await exitOf(idle)).toBe(0);
    expect((await Promise.all(ids.map((one) => job(world, one)))).map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
  });

  test("the owner's policy refuses what it does not allow, by the name of the rule, and follows its file", async () => {
    const file = join(world.dir, "policy.json");
    const socket = join(world.dir, "status.sock");
    writeFileSync(file, JSON.stringify({ tags: ["policed"], languages: ["bash"], forbid_inline: true, env: [] }));
    const settings = { MILLRACE_AGENT_TAGS: "policed,forbidden", MILLRACE_AGENT_POLICY_FILE: file, MILLRACE_AGENT_STATUS_ADDRESS: socket };
    const agent = await world.startAgent("policed", settings);
    expect(await agentNamed("policed")).toMatchObject({ tags: ["policed"], languages: [{ language: "bash" }] });
    const refused = await run(world, bash("true", "policed"), 20);
    expect(refused).toMatchObject({ status: "failed", exit: { reason: "policy", message: expect.stringContaining("(forbid_inline)") } });
    writeFileSync(file, "{");
    agent.child.kill("SIGHUP");
    await until("the fault is told", async () => readFileSync(agent.logFile, "utf8").includes("the old one stays in force"));
    expect((await run(world, bash("true", "policed"), 20)).exit?.reason).toBe("policy");
    writeFileSync(file, JSON.stringify({ tags: ["policed", "forbidden"] }));
    agent.child.kill("SIGHUP");
    await until("it says Hello again", async () => (await agentNamed("policed"))?.tags.length === 2);
    expect((await run(world, bash("true", "policed"), 20)).status).toBe("succeeded");
    expect([await page(socket, "/health"), await page(socket, "/ready"), (await page(socket, "/nothing")).status]).toEqual([
      { status: 200, body: "alive\n" },
      { status: 200, body: "ready\n" },
      404,
    ]);
    const metrics = (await page(socket, "/metrics")).body;
    expect(metrics).toMatch(/^millrace_agent_attempts_ended_total\{reason="policy"\} 2$/m);
    expect(metrics).toMatch(/^millrace_agent_connected 1$/m);
    writeFileSync(file, JSON.stringify({ tgas: [] }));
    const faulty = await refusedAgent("faulty", { MILLRACE_AGENT_TOKEN: world.credentials.agent_token, MILLRACE_AGENT_POLICY_FILE: file });
    expect(faulty).toMatchObject({ code: 9, said: expect.stringContaining("tgas") });
  });
  test.skipIf(spawnSync("openssl", ["version"]).status !== 0)(
    "TLS with certificates on both sides: new certificates are taken up while the stream goes on; pause survives both ends",
    async (context) => {
      const dir = join(world.dir, "tls");
      const names = makeCertificates(dir);
      const tls = await openWorld(context, {
        env: {
          ...QUICK,
          MILLRACE_GRPC_TLS_CERT_FILE: names.server.cert,
          MILLRACE_GRPC_TLS_KEY_FILE: names.server.key,
          MILLRACE_GRPC_TLS_CLIENT_CA_FILE: names.ca,
          MILLRACE_GRPC_TLS_CA_FILE: names.ca,
        },
      });
      const trust = { MILLRACE_AGENT_TLS: "on", MILLRACE_AGENT_CA_FILE: names.ca };
      const shown = { MILLRACE_AGENT_CERT_FILE: names.agent.cert, MILLRACE_AGENT_KEY_FILE: names.agent.key };
      const { token } = await joinToken({}, tls);
      const settings = { ...NO_TOKEN, ...trust, ...shown, MILLRACE_AGENT_JOIN_TOKEN: token };
      const agent = await tls.startAgent("secret", settings);
      const connected = (await agentNamed("secret", tls))?.connected_at;
      expect((await run(tls, { code: { language: "bash", content: "true" } }, 20)).status).toBe("succeeded");
      const before = fingerprint(tls.grpcPort, names);
      issue(dir, "server", "renewed");
      await until("the new certificate is shown", async () => fingerprint(tls.grpcPort, names) !== before);
      expect((await agentNamed("secret", tls))?.connected_at).toBe(connected);
      const naked = launch(
        ["agent"],
        {
          ...trust,
          MILLRACE_GRPC_ADDRESS: `127.0.0.1:${tls.grpcPort}`,
          MILLRACE_AGENT_TOKEN: tls.credentials.agent_token,
          MILLRACE_AGENT_NAME: "naked",
          MILLRACE_AGENT_DATA_DIR: join(tls.dir, "agent-naked"),
          MILLRACE_AGENT_LANGUAGES: "bash",
        },
        join(tls.dir, "naked.log"),
      );
      await until("the one without a certificate is not let in", async () => readFileSync(join(tls.dir, "naked.log"), "utf8").includes("agent.disconnected"));
      expect(await agentNamed("naked", tls)).toBeUndefined();
      await naked.kill("SIGKILL");

      expect((await tls.api("POST", `/agents/${await idOf("secret", tls)}/pause`)).status).toBe(200);
      const { id } = await run(tls, { code: { language: "bash", content: "true" } });
      await agent.kill("SIGKILL");
      await tls.server.kill("SIGKILL");
      await tls.startServer();
      await tls.startAgent("secret", settings);
      expect(await agentNamed("secret", tls)).toMatchObject({ state: "paused", slots: 0 });
      expect((await job(tls, id)).status).toBe("queued");
      expect((await tls.api("POST", `/agents/${await idOf("secret", tls)}/resume`)).status).toBe(200);
      expect((await untilEnded(tls, id)).status).toBe("succeeded");
    },
  );
});

/** An agent that may end before anybody sees it in the list. */
async function startAnyAgent(name: string, env: NodeJS.ProcessEnv): Promise<Process> {
  const settings = {
    MILLRACE_GRPC_ADDRESS: `127.0.0.1:${world.grpcPort}`,
    MILLRACE_AGENT_TOKEN: world.credentials.agent_token,
    MILLRACE_AGENT_NAME: name,
    MILLRACE_AGENT_DATA_DIR: join(world.dir, `agent-${name}`),
    MILLRACE_AGENT_LANGUAGES: "bash",
  };
  return launch(["agent"], { ...settings, ...env }, join(world.dir, `agent-${name}.log`));
}

function page(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority, and certificates of it for both sides, good for 127.0.0.1. */
function makeCertificates(dir: string): { ca: string; server: Pair; agent: Pair } {
  execFileSync("mkdir", ["-p", dir]);
  openssl(dir, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority");
  return { ca: join(dir, "ca.pem"), server: issue(dir, "server", "first"), agent: issue(dir, "agent", "agent") };
}

function issue(dir: string, name: string, subject: string): Pair {
  openssl(dir, `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key.new -out ${name}.csr -subj /CN=${subject}`);
  writeFileSync(join(dir, "ext"), "subjectAltName=IP:127.0.0.1\n");
  openssl(dir, `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem.new -days 1 -extfile ext`);
  for (const kind of ["key", "pem"]) execFileSync("mv", [join(dir, `${name}.${kind}.new`), join(dir, `${name}.${kind}`)]);
  return { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
}

function openssl(cwd: string, command: string): string {
  return execFileSync("openssl", command.split(" "), { cwd, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

/** Of the certificate that a listener shows. */
function fingerprint(port: number, { agent }: { agent: Pair }): string {
  const shown = execFileSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-alpn", "h2", "-cert", agent.cert, "-key", agent.key], {
    input: "",
    stdio: ["pipe", "pipe", "ignore"],
  }).toString();
  return /-----BEGIN CERTIFICATE-----[^-]+/.exec(shown)?.[0] ?? "";
}
