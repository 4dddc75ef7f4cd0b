import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JobId } from "../../../kernel/ids.ts";
import type { Caller } from "../../http/authorize.ts";
import { readJob } from "../../jobs/job-store.ts";
import { createSchemaCheck } from "../../resources/schema-check.ts";
import { storedDocument } from "../document-codec.ts";
import type { FlowCatalogue } from "../engine/engine-deps.ts";
import { createFlowRunStore } from "../engine/flow-run-store.ts";
import { FlowBench, step } from "../engine/testing/flow-bench.ts";
import { parseFlow } from "../parse.ts";
import { type ApprovalParts, Approvals } from "./approvals.ts";
import { createFormAnswers } from "./form-answers.ts";
import { createRunReader } from "./run-reader.ts";

let bench: FlowBench;
let approvals: Approvals;
let caller: Caller;

beforeAll(async () => {
  bench = await FlowBench.open();
  const { pool } = bench.owner;
  const workspace = { id: bench.workspace, name: "bench" };
  caller = { principal: { kind: "workspace", label: "Ann" }, workspace, check: async () => undefined } as unknown as Caller;
  const record: ApprovalParts["record"] = async (_, id) => {
    const found = await readJob(pool, bench.workspace, id);
    if (found === undefined) throw new Error("no job");
    return found;
  };
  const loadFlow: FlowCatalogue["loadFlow"] = async (_, { code }) => ({ definition: parseFlow(storedDocument(code ?? "{}")).definition, path: undefined });
  approvals = new Approvals({
    pool,
    reader: createRunReader(createFlowRunStore(pool), { loadFlow }, 1024 * 1024),
    secret: async () => Buffer.from("secret"),
    publicUrl: () => "http://x",
    workspaceName: async () => "bench",
    record,
    answered: () => bench.owner.owner.lookForAnswers(),
    fillForm: createFormAnswers(createSchemaCheck()),
  });
}, 60_000);
afterAll(() => bench.close());
beforeEach(() => {
  bench.script = ({ n }) => Number(n ?? 0) + 1;
});

describe("answers of people", () => {
  const asks = (more: object): unknown[] => [step("ask", {}, { suspend: { required_events: 1, ...more } }), step("z", { n: "resume" })];
  const waiting = async (modules: readonly unknown[]): Promise<JobId> => {
    const flow = await bench.start({ modules });
    await bench.until("it waits", async () => (await bench.owner.rows("SELECT 1 FROM flow_live WHERE id = $1 AND NOT awake", flow)).length === 1);
    return flow;
  };
  const as = (label: string, account?: string, role = "operator"): Caller =>
    ({
      ...caller,
      principal: { kind: "account", label, ...(account !== undefined && { accountId: account }) },
      ...(account !== undefined && { reach: { member: { account, role } } }),
    }) as unknown as Caller;

  test("of a step for groups: members of one of them and administrators, and nobody by a link", async () => {
    const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map(member));
    await bench.owner.rows(
      "INSERT INTO member_group (workspace_id, name, description, created_by, updated_by) VALUES ($1, 'sales', '', 't', 't')",
      bench.workspace,
    );
    await bench.owner.rows("INSERT INTO group_account (workspace_id, group_name, account_id) VALUES ($1, 'sales', $2)", bench.workspace, ann);
    const groups = { user_groups_required: { type: "static", value: ["g/sales", "board"] } };
    const flow = await waiting(asks(groups));
    await expect(approvals.answer(as("Bob", bob), flow, undefined, true, 1)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(approvals.answerLink(await linkOf(flow), true, 1)).rejects.toMatchObject({ code: "permission_denied" });
    await approvals.answer(as("Ann", ann), flow, undefined, true, 41);
    expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 42 });
    const other = await waiting(asks(groups));
    await approvals.answer(as("Eve", eve, "admin"), other, undefined, true, 1);
    expect(await bench.ended(other)).toMatchObject({ outcome: "succeeded" });
    const all = await waiting(asks({ user_groups_required: { type: "static", value: ["all"] } }));
    await approvals.answer(as("Bob", bob), all, undefined, true, 1);
    expect(await bench.ended(all)).toMatchObject({ outcome: "succeeded" });
  });

  test("not of whoever started the run, nor the job that started it; payloads of one step are bounded together", async () => {
    const flow = await waiting(asks({ self_approval_disabled: true, required_events: 40 }));
    const job = bench.owner.job();
    await bench.owner.owner.enqueue([{ ...job, payload: { ...job.payload, createdBy: "Ann" } }]);
    await bench.owner.rows("UPDATE job SET created_by = $2 WHERE id = $1", flow, `job ${job.job.id}`);
    await expect(approvals.answer(as("Ann"), flow, undefined, true, 1)).rejects.toMatchObject({ code: "permission_denied" });
    for (const thing of ["schedule:f/a/b", "trigger:f/a/b"]) {
      await bench.owner.rows("UPDATE job SET created_by = $2 WHERE id = $1", job.job.id, `${thing} by Ann`);
      await expect(approvals.answer(as("Ann"), flow, undefined, true, 1)).rejects.toMatchObject({ code: "permission_denied" });
    }
    // Nor a job of theirs, or what a schedule does in their name.
    const own = bench.owner.job();
    await bench.owner.owner.enqueue([{ ...own, payload: { ...own.payload, createdBy: "schedule:f/x/nightly by Ann" } }]);
    await expect(approvals.answer(as(`job ${own.job.id}`), flow, undefined, true, 1)).rejects.toMatchObject({ code: "permission_denied" });
    const large = "x".repeat(60_000);
    let refused = 0;
    for (let number = 0; number < 20; number++)
      await approvals.answer(as(`Bob ${number}`), flow, undefined, true, large).catch((error: { code?: string }) => {
        expect(error.code).toBe("out_of_range");
        refused += 1;
      });
    expect(refused).toBe(3);
    await bench.owner.rows("UPDATE job SET created_by = 'job 01a20000-36dd-7000-aeb1-1bbad5bb6980' WHERE id = $1", flow);
    await expect(approvals.answer(as("Eve"), flow, undefined, true, 1)).rejects.toMatchObject({ message: expect.stringContaining("not known any more") });
  });

  test("by a link are in the audit log as the link's, whoever its name is; those of people under their own", async () => {
    const flow = await waiting(asks({ required_events: 2 }));
    const link = await linkOf(flow, "boss@example.com");
    expect(await approvals.about(link)).toMatchObject({ approver: "link for boss@example.com" });
    await approvals.answerLink(link, true, 1);
    await approvals.answer(as("Ann"), flow, undefined, true, 1);
    const rows = await bench.owner.rows("SELECT actor FROM audit_event WHERE target = $1 ORDER BY seq", `job ${flow}`);
    expect(rows).toEqual([{ actor: "link for boss@example.com" }, { actor: "Ann" }]);
    expect(await bench.ended(flow)).toMatchObject({ outcome: "succeeded" });
  });

  describe("to a form", () => {
    // As Windmill's editor saves it.
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      order: ["amount", "reason", "urgent"],
      required: ["amount", "reason"],
      properties: {
        amount: { type: "integer", minimum: 1, maximum: 100, default: null, enum: null, description: "" },
        reason: { type: "string", enum: ["fits", "gift"], format: "" },
        urgent: { type: "boolean", default: false },
      },
    };
    const shows = [step("ask", {}, { suspend: { required_events: 2, resume_form: { schema } } }), step("z", { n: "resumes[0].amount + resumes[1].amount" })];
    const recorded = (flow: JobId): Promise<unknown[]> =>
      bench.owner.rows(
        "SELECT place FROM flow_approval WHERE id = $1::uuid UNION ALL SELECT target FROM audit_event WHERE target = 'job ' || $1::uuid::text",
        flow,
      );

    test("that do not fit it are refused with the names of the fields, by a link and under one's own name; nothing is recorded, and the step waits on", async () => {
      const flow = await waiting(shows);
      const link = await linkOf(flow);
      const wrong = { amount: 1000, reason: "$var:f/any/thing", urgent: "yes" };
      await expect(approvals.answerLink(link, true, wrong)).rejects.toMatchObject({
        code: "invalid_argument",
        message: "the payload does not fit the form of step ask: amount must be <= 100",
        fields: [
          { pointer: "/amount", message: "must be <= 100" },
          { pointer: "/reason", message: 'must be one of "fits", "gift", got "$var:f/any/thing"' },
          { pointer: "/urgent", message: "must be a boolean, got a string" },
        ],
      });
      await expect(approvals.answer(as("Ann"), flow, undefined, true, { amount: 1 })).rejects.toMatchObject({
        code: "invalid_argument",
        message: "the payload does not fit the form of step ask: payload.reason is required",
        fields: [{ pointer: "/payload/reason", message: "is required" }],
      });
      for (const payload of [undefined, "fits"]) await expect(approvals.answerLink(link, true, payload)).rejects.toMatchObject({ code: "invalid_argument" });
      expect(await recorded(flow)).toEqual([]);
      expect(await approvals.about(link)).toMatchObject({ waiting: true, approvals: 0, form: schema });
      await approvals.answerLink(link, true, { amount: 20, reason: "gift" });
      await approvals.answer(as("Ann"), flow, undefined, true, { amount: 21, reason: "fits", more: 1 });
      expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 42 });
    });

    test("have its defaults where they leave something out, also when they are nothing at all", async () => {
      const asked = {
        properties: { n: { type: "integer", default: 40 }, deep: { type: "object", default: {}, properties: { m: { type: "integer", default: 1 } } } },
      };
      const flow = await waiting([
        step("ask", {}, { suspend: { required_events: 1, resume_form: { schema: asked } } }),
        step("z", { n: "resume.n + resume.deep.m" }),
      ]);
      await approvals.answerLink(await linkOf(flow), true, undefined);
      expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: 42 });
    });

    test("need not fit it to refuse; with defaults they are no larger than others", async () => {
      const flow = await waiting(shows);
      await approvals.answerLink(await linkOf(flow), false, { because: "no" });
      expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled" });
      const asked = { properties: { text: { type: "string", default: "x".repeat(65_536) } } };
      const large = await waiting(asks({ resume_form: { schema: asked } }));
      await expect(approvals.answerLink(await linkOf(large), true, {})).rejects.toMatchObject({ code: "out_of_range" });
    });

    test("cannot get past it by being nested too deep; a form that is no schema, of an earlier release, is not looked at", async () => {
      const tree = { $ref: "#/$defs/tree", $defs: { tree: { type: "array", items: { $ref: "#/$defs/tree" } } } };
      const flow = await waiting(asks({ resume_form: { schema: tree } }));
      const link = await linkOf(flow);
      const nested = (depth: number): unknown => JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`);
      await expect(approvals.answerLink(link, true, nested(2_000))).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(approvals.answerLink(link, true, nested(30_000))).rejects.toMatchObject({ code: "out_of_range" });
      const older = await waiting(asks({ resume_form: { schema: { type: "text" } } }));
      await approvals.answerLink(await linkOf(older), true, 41);
      expect(await bench.ended(older)).toEqual({ outcome: "succeeded", result: 42 });
    });
  });

  test("of all steps of a run together are bounded, too", async () => {
    const branches = ["p", "q", "r", "s", "t"].map((id) => ({ modules: [step(id, {}, { suspend: { required_events: 40 } })] }));
    const flow = await waiting([{ id: "all", value: { type: "branchall", parallel: true, branches } }]);
    const large = "x".repeat(64_000);
    const refused: string[] = [];
    for (const [at, place] of ["p", "q", "r", "s", "t"].entries())
      for (let number = 0; number < 16; number++)
        await approvals
          .answer(as(`Bob ${number}`), flow, `all/${at}/${place}`, true, large)
          .catch((error: Error) => void refused.push(`${place}: ${error.message}`));
    expect(refused.filter((text) => text.includes("that the run keeps")).map((text) => text[0])).toEqual(Array.from({ length: 15 }, () => "t"));
    expect(refused).toHaveLength(15);
  });
});

/** @returns the account of a new member of the workspace */
async function member(name: string): Promise<string> {
  const [account] = await bench.owner.rows<{ id: string }>(
    "INSERT INTO account (email, name, created_by) VALUES ($1, $1, 'test') RETURNING id::text",
    `${name}@x.test`,
  );
  const id = account?.id ?? "";
  await bench.owner.rows("INSERT INTO member_name (workspace_id, name, account_id) VALUES ($1, $2, $3)", bench.workspace, name, id);
  await bench.owner.rows("INSERT INTO workspace_member (workspace_id, account_id, name, role) VALUES ($1, $2, $3, 'operator')", bench.workspace, id, name);
  return id;
}

async function linkOf(flow: JobId, approver?: string): Promise<string> {
  const { resume_url } = await approvals.invite(caller, flow, undefined, approver);
  return resume_url.slice(resume_url.lastIndexOf("/") + 1);
}
