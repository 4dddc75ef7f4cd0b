import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openServedPlane, type ServedPlane, type Tenant } from "../served-plane.fixture.ts";

let plane: ServedPlane;
let tenant: Tenant;
beforeAll(async () => {
  plane = await openServedPlane();
  tenant = await plane.makeTenant("mill");
});
afterAll(() => plane.close());

/** @returns a run whose first step waits for people */
async function waiting(step = "a"): Promise<string> {
  const modules = [
    { id: step, value: { type: "identity" }, suspend: { required_events: 1, timeout: 3600 } },
    { id: "b", value: { type: "identity" } },
  ];
  const { body } = await tenant.api<{ id: string }>("POST", "/jobs", { document: { value: { modules } } });
  await vi.waitFor(async () => expect((await tenant.api("POST", `/jobs/${body.id}/flow/invite`)).status).toBe(200), 10_000);
  return body.id;
}

/** As Windmill's clients ask, below its address of the workspace. */
async function windmill(method: string, path: string, body?: unknown, token?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${plane.server.httpUrl}/api/w/mill${path}`, {
    method,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

async function signatureOf(run: string, approver?: string): Promise<string> {
  const query = approver === undefined ? "" : `?approver=${encodeURIComponent(approver)}`;
  const { status, text } = await windmill("GET", `/jobs/job_signature/${run}/77${query}`, undefined, tenant.token);
  expect(status).toBe(200);
  return text;
}

const endOf = (run: string): Promise<string> =>
  vi.waitFor(async () => {
    const { body } = await tenant.api<{ status: string }>("GET", `/jobs/${run}`);
    expect(["succeeded", "cancelled"]).toContain(body.status);
    return body.status;
  }, 10_000);

test("whoever has a signature lets the step go on without a token, once; it is nobody else's", async () => {
  const run = await waiting();
  const signature = await signatureOf(run, "Ann");
  const address = `/jobs_u/resume/${run}/77/${signature}?approver=Ann`;
  expect((await windmill("GET", address)).status).toBe(501);
  expect((await tenant.api("POST", `/jobs/${run}/flow/invite`)).status).toBe(200);
  const forged = signature.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  expect((await windmill("POST", `/jobs_u/resume/${run}/77/${forged}`, {})).status).toBe(404);
  expect((await windmill("POST", address, { ok: true })).status).toBe(201);
  expect(await endOf(run)).toBe("succeeded");
  expect((await windmill("POST", address, { ok: true })).status).toBe(409);
  const { rows } = await plane.pool.query("SELECT actor, action FROM audit_event WHERE target = $1", [`job ${run}`]);
  expect(rows).toEqual([{ actor: "link for Ann", action: "steps:approve" }]);
});

test("with the other address the step is refused; a body is not needed", async () => {
  const run = await waiting();
  expect((await windmill("POST", `/jobs_u/cancel/${run}/77/${await signatureOf(run)}`)).status).toBe(201);
  expect(await endOf(run)).toBe("cancelled");
});

test("signatures are made for those who may invite, of steps that wait for people", async () => {
  const run = await waiting();
  expect((await windmill("GET", `/jobs/job_signature/${run}/1`)).status).toBe(401);
  const elsewhere = await plane.makeTenant("elsewhere");
  expect((await windmill("GET", `/jobs/job_signature/${run}/1`, undefined, elsewhere.token)).status).toBe(404);
  const { body } = await tenant.api<{ id: string }>("POST", "/jobs", { code: { language: "bash", content: "true" } });
  expect((await windmill("GET", `/jobs/job_signature/${body.id}/1`, undefined, tenant.token)).status).toBe(409);
});

test("a name may be as long as names are anywhere, in any script, and stand beside the name of a step", async () => {
  const run = await waiting("approval_of_the_head_of_purchases");
  const approver = "水".repeat(100);
  const { text } = await windmill("GET", `/jobs/resume_urls/${run}/1?approver=${encodeURIComponent(approver)}`, undefined, tenant.token);
  const { resume } = JSON.parse(text) as { resume: string };
  const ours = new URL(new URL(resume).pathname, plane.server.httpUrl);
  expect(await (await fetch(ours)).json()).toMatchObject({ approver, waiting: true });
  expect((await windmill("POST", `/jobs_u/resume/${run}/1/${await signatureOf(run, approver)}`, {})).status).toBe(201);
  expect(await endOf(run)).toBe("succeeded");
});
