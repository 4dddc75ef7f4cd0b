import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Pool } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agentIdOf, enrolStatement, rawPublicKey, sessionStatement } from "../../kernel/agent-proof.ts";
import { realClock } from "../../kernel/clock.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import type { EnrolRequest } from "../../proto/gen/millrace/agent/v1/enrolment.ts";
import { Hello } from "../../proto/gen/millrace/agent/v1/session.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { generateToken } from "../identity/token-format.ts";
import { registerSession } from "./agent-store.ts";
import { readCredential, writeCredential } from "./credential.ts";
import { Enrolment } from "./enrolment.ts";
import { insertJoinToken } from "./join-token-store.ts";
import { hasNewOrders, orderAgent, readNewOrders } from "./order-store.ts";

let database: TestDatabase;
let pool: Pool;
let enrolment: Enrolment;
const SECRET = Buffer.alloc(32, 7);
const HERE = "127.0.0.1:5";
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await pool.query("INSERT INTO workspace (name) VALUES ('one'), ('two')");
  enrolment = new Enrolment({ pool, secret: () => Promise.resolve(SECRET), clock: realClock, log: pino({ level: "silent" }), credentialMs: 60_000 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

interface Host {
  readonly key: KeyObject;
  readonly publicKey: Buffer;
  readonly id: string;
}

function host(): Host {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = rawPublicKey(publicKey);
  return { key: privateKey, publicKey: raw, id: agentIdOf(raw) };
}

async function token(fields: { uses?: number; workspace?: string; cidrs?: string[] } = {}): Promise<string> {
  const made = generateToken("join");
  const settings = { label: "", maxUses: fields.uses ?? 1, tags: [], cidrs: fields.cidrs ?? [], expiresInS: 600, createdBy: "test" };
  await insertJoinToken(pool, made, asWorkspaceId(fields.workspace ?? "1"), settings);
  return made.text;
}

const request = ({ key, publicKey }: Host, joinToken: string): EnrolRequest => ({
  joinToken,
  publicKey,
  signature: sign(null, enrolStatement(joinToken), key),
  agentName: "a",
  tags: ["default"],
});

let dials = 0;
async function admit(of: Host, { nonce = "n", signed = "n", as = of, credential = "" } = {}): Promise<string> {
  dials += 1;
  const proof = { publicKey: as.publicKey, signature: sign(null, sessionStatement(of.id, signed), as.key) };
  const hello = Hello.fromPartial({ agentId: of.id, agentName: "a", tags: ["default"], start: 1, dial: dials, proof });
  return enrolment.admit({ agentId: of.id, nonce }, credential === "" ? undefined : `Bearer ${credential}`, hello).then(
    ({ workspaceName, paused }) => `${workspaceName}${paused ? " paused" : ""}`,
    (error: Error) => error.message,
  );
}

test("a token is good for as many agents as it says, also when they come together; one that comes again does not count", async () => {
  const text = await token({ uses: 3 });
  const hosts = Array.from({ length: 8 }, host);
  const outcomes = await Promise.allSettled(hosts.map((one) => enrolment.enrol(request(one, text), HERE)));
  const joined = hosts.filter((_, at) => outcomes[at]?.status === "fulfilled");
  expect(joined).toHaveLength(3);
  for (const one of joined) expect((await enrolment.enrol(request(one, text), HERE)).agentId).toBe(one.id);
  const { rows } = await pool.query("SELECT used FROM agent_join_token WHERE max_uses = 3");
  expect(rows).toEqual([{ used: 3 }]);
});

test("who joins has the key that he brings, and comes from where he may", async () => {
  const text = await token({ cidrs: ["10.0.0.0/8", "fd00::/16"] });
  const one = host();
  const good = request(one, text);
  await expect(enrolment.enrol({ ...good, signature: sign(null, enrolStatement("another"), one.key) }, "10.1.1.1:5")).rejects.toThrow(/not proven/);
  await expect(enrolment.enrol({ ...good, publicKey: host().publicKey }, "10.1.1.1:5")).rejects.toThrow(/not proven/);
  await expect(enrolment.enrol({ ...good, publicKey: Buffer.alloc(3) }, "10.1.1.1:5")).rejects.toThrow(/not proven/);
  await expect(enrolment.enrol(good, "11.0.0.1:5")).rejects.toThrow(/does not allow agents from 11.0.0.1/);
  await expect(enrolment.enrol(good, "[fd01::1]:5")).rejects.toThrow(/from fd01::1/);
  for (const peer of ["10.255.0.1:5", "[fd00::1]:5", "::ffff:10.0.0.1:5", "fd00::2:5"]) expect((await enrolment.enrol(good, peer)).workspace).toBe("one");
});

test("a stream is opened by the key over its own number, and by nothing else", async () => {
  const [one, other] = [host(), host()];
  const text = await token({ uses: 2 });
  const { credential } = await enrolment.enrol(request(one, text), HERE);
  await enrolment.enrol(request(other, text), HERE);
  expect(await admit(one, credential === undefined ? {} : { credential: credential.text })).toBe("one");
  expect(await admit(one)).toBe("one");
  const unproven = "the agent has not proven its key";
  expect([await admit(one, { nonce: "new" }), await admit(one, { as: other }), await admit(host(), { as: one })]).toEqual([unproven, unproven, unproven]);
  expect(await admit(host())).toMatch(/no agent has this key/);
  // By a long-lived token nobody can be an agent that has a key.
  const stolen = { agentId: one.id, name: "a", workspace: asWorkspaceId("1"), tokenId: "t", order: { start: 9, dial: 9 } };
  expect((await registerSession(pool, stolen)).kind).toBe("foreign");
});

test("a credential that was made by others, or changed, is none", () => {
  const claims = { agentId: host().id, untilMs: 5 };
  const text = writeCredential(SECRET, claims);
  expect(readCredential(SECRET, text)).toEqual(claims);
  const later = Buffer.from(JSON.stringify({ a: claims.agentId, u: 9e15 })).toString("base64url");
  for (const wrong of [
    text.slice(0, -1),
    `${text}x`,
    text.replace(/_.*\./, `_${later}.`),
    writeCredential(Buffer.alloc(32, 8), claims),
    "mr_crd_.",
    "mr_crd_",
    "",
  ]) {
    expect([wrong, wrong.startsWith("mr_crd_") ? readCredential(SECRET, wrong) : undefined]).toEqual([wrong, undefined]);
  }
});

test("a revoked agent is not let in by anything, nor does its key join again", async () => {
  const one = host();
  const text = await token({ uses: 2 });
  const { credential } = await enrolment.enrol(request(one, text), HERE);
  await orderAgent(pool, one.id, "revoke", { workspace: asWorkspaceId("1"), withShared: false, label: "x" });
  expect(await admit(one, { credential: credential?.text ?? "" })).toBe("this agent was revoked");
  await expect(enrolment.enrol(request(one, text), HERE)).rejects.toThrow(/was revoked/);
  expect(await orderAgent(pool, one.id, "resume", { workspace: asWorkspaceId("1"), withShared: true, label: "x" })).toBeUndefined();
});

test("a key is of one workspace, and takes orders from there alone", async () => {
  const one = host();
  await enrolment.enrol(request(one, await token()), HERE);
  await expect(enrolment.enrol(request(one, await token({ workspace: "2" })), HERE)).rejects.toThrow(/another workspace/);
  const { rows } = await pool.query("SELECT used FROM agent_join_token WHERE workspace_id = 2");
  expect(rows).toEqual([{ used: 0 }]);
  const pause = (workspace: string, withShared = false) => orderAgent(pool, one.id, "pause", { workspace: asWorkspaceId(workspace), withShared, label: "x" });
  expect([await pause("2"), await pause("2", true)]).toEqual([undefined, undefined]);
  const standing = await pause("1");
  expect(standing).toMatchObject({ paused: true, leave: false, revoked: false });
  expect((await readNewOrders(pool, undefined)).orders).toContainEqual(standing);
  expect(await admit(one)).toBe("one paused");
});

test("an order to drain is forgotten by the agent's next start, and not by its next stream", async () => {
  const agentId = crypto.randomUUID();
  const hello = async (start: number, dial: number) => {
    const registered = await registerSession(pool, { agentId, name: "a", workspace: asWorkspaceId("1"), tokenId: "t", order: { start, dial } });
    return registered.kind === "registered" ? registered.leave : registered.kind;
  };
  expect(await hello(1, 1)).toBe(false);
  await orderAgent(pool, agentId, "leave", { workspace: asWorkspaceId("1"), withShared: false, label: "x" });
  expect([await hello(1, 2), await hello(2, 1)]).toEqual([true, false]);
});

test("new orders are found by their index", async () => {
  const { rows } = await pool
    .query<{ "QUERY PLAN": string }>(`SET enable_seqscan = off; EXPLAIN SELECT ${hasNewOrders("now()::text")}`)
    .then((results) => (results as unknown as { rows: { "QUERY PLAN": string }[] }[])[1] ?? { rows: [] });
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("agent_ordered");
});
