import { type Exit, exitOf } from "../../../../kernel/exit.ts";
import { createJobIdGenerator, type JobId } from "../../../../kernel/ids.ts";
import type { Json } from "../../../../kernel/json.ts";
import type { Bundle } from "../../../../proto/gen/millrace/agent/v1/job.ts";
import type { Pool } from "../../../db/pools.ts";
import { shardOf } from "../../../jobs/model.ts";
import { FLOW_LANGUAGE, FLOW_TAG } from "../../../scheduler/core/flow-agent.ts";
import type { FlowHost } from "../../../scheduler/flow-port.ts";
import { OwnerBench, until, WORKSPACE } from "../../../scheduler/testing/owner-bench.ts";
import { createScriptCache } from "../../../scripts/script-cache.ts";
import { createWorkspaces } from "../../../workspaces/workspace-store.ts";
import type { FlowEvent } from "../../core/model.ts";
import { ExpressionTiers } from "../../expressions/tiers.ts";
import { createFlowCache } from "../../flow-cache.ts";
import { createFlowCatalogue } from "../flow-catalogue.ts";
import { decodeEvents } from "../flow-codec.ts";
import { FlowEngine } from "../flow-engine.ts";
import { createFlowRunStore } from "../flow-run-store.ts";

/** What a step's script does: its result, or an error that it throws. Undefined: it goes on until `finish`. @param step its id @param place of it in the run */
export type Script = (args: Record<string, Json>, step: string, place: string) => Json | Error | undefined;

/** A module that runs inline code; the bench's scripts go by its id. */
export const step = (id: string, inputs: Record<string, string> = {}, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  ...more,
  value: {
    type: "rawscript",
    language: "bash",
    content: id,
    input_transforms: Object.fromEntries(Object.entries(inputs).map(([name, expr]) => [name, { type: "javascript", expr }])),
  },
});

/** An owner with a real engine on a real database, and an agent whose scripts are functions of the test. */
export class FlowBench {
  readonly owner: OwnerBench;
  /** Steps in the order in which the agent got them: place, and number of starts. */
  readonly started: string[] = [];
  readonly bundles = new Map<string, Bundle>();
  readonly #expressions: ExpressionTiers;
  #closed = false;
  readonly workspace = WORKSPACE;
  readonly shard = shardOf(WORKSPACE);
  script: Script = () => null;
  /** What becomes of a result's JSON text on its way. */
  raw: (text: string) => string = (text) => text;

  private constructor(owner: OwnerBench, expressions: ExpressionTiers) {
    this.owner = owner;
    this.#expressions = expressions;
    owner.onAssign = (bundle) => void this.#run(bundle);
  }

  static async open(): Promise<FlowBench> {
    const expressions = new ExpressionTiers();
    const bench = await OwnerBench.open(100, async (pool) => makeEngine(pool, expressions));
    const made = new FlowBench(bench, expressions);
    bench.attach();
    return made;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.owner.close();
    await this.#expressions.stop();
  }

  /** Starts a run of these modules, or of a version that is deployed. @returns its job */
  async start(value: { modules: readonly unknown[] } & Record<string, unknown>, args: Record<string, Json> = {}, hash?: string): Promise<JobId> {
    const made = this.owner.job({ tag: FLOW_TAG, language: FLOW_LANGUAGE });
    const code = hash === undefined ? JSON.stringify({ summary: "", value }) : undefined;
    await this.owner.accept([{ ...made, payload: { ...made.payload, kind: "flow", scriptHash: hash, code, argsJson: JSON.stringify(args) } }]);
    return made.job.id;
  }

  /** Runs to the end. */
  async run(value: { modules: readonly unknown[] } & Record<string, unknown>, args: Record<string, Json> = {}): Promise<RunEnd> {
    return this.ended(await this.start(value, args));
  }

  async ended(flow: JobId): Promise<RunEnd> {
    await this.owner.untilDone(flow);
    const [row] = await this.owner.rows<{ outcome: number; result: string }>("SELECT outcome, result FROM job_done WHERE id = $1", flow);
    return { outcome: row?.outcome === 0 ? "succeeded" : row?.outcome === 1 ? "failed" : "cancelled", result: JSON.parse(row?.result ?? "null") as Json };
  }

  async events(flow: JobId): Promise<FlowEvent[]> {
    const rows = await this.owner.rows<{ events: string }>("SELECT events FROM flow_event WHERE id = $1 ORDER BY seq", flow);
    return rows.flatMap(({ events }) => decodeEvents(events));
  }

  async until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, check);
  }

  /** Ends a step that goes on. */
  async finish(place: string, result: Json | Error): Promise<void> {
    await until(`${place} runs`, () => this.bundles.has(place));
    const bundle = this.bundles.get(place);
    if (bundle === undefined) throw new Error("it was just there");
    this.bundles.delete(place);
    await this.#end(bundle, result);
  }

  async #run(bundle: Bundle): Promise<void> {
    const [row] = await this.owner.rows<{ policy: string | null }>("SELECT policy FROM job WHERE id = $1", bundle.jobId);
    const { flow } = JSON.parse(row?.policy ?? "{}") as { flow?: { place: string } };
    const place = flow?.place ?? "";
    this.started.push(place);
    const result = this.script(JSON.parse(bundle.argsJson) as Record<string, Json>, bundle.code, place);
    if (result === undefined) this.bundles.set(place, bundle);
    else await this.#end(bundle, result);
  }

  async #end(bundle: Bundle, result: Json | Error): Promise<void> {
    const failed = result instanceof Error;
    const resultJson = failed ? JSON.stringify({ error: { name: result.name, message: result.message } }) : this.raw(JSON.stringify(result));
    const exit = failed ? failureOf(result) : exitOf("succeeded");
    // As an agent does: until somebody has recorded it.
    while (!this.#closed) {
      try {
        if (this.owner.isAway) throw new Error("the agent has no owner to tell it");
        const recorded = this.owner.finish(bundle, exit, resultJson);
        this.owner.hold(bundle);
        await recorded;
        this.owner.release(bundle);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}

/** An error of this name says that the agent has no folder for the step. */
export const FOLDER_LOST = "FolderLost";

function failureOf({ name, message }: Error): Exit {
  return name === FOLDER_LOST ? exitOf("folder_lost", message) : exitOf("exit_code", message, { code: 1 });
}

export interface RunEnd {
  readonly outcome: "succeeded" | "failed" | "cancelled";
  readonly result: Json;
}

async function makeEngine(pool: Pool, expressions: ExpressionTiers): Promise<(host: FlowHost) => FlowEngine> {
  const workspaces = createWorkspaces(pool);
  // As after any request: limits of steps are rendered with the workspace's name.
  await workspaces.loadName(WORKSPACE);
  const nothing = async (): Promise<ReadonlyMap<string, Json>> => new Map();
  const now = (): number => performance.now();
  const catalogue = createFlowCatalogue({
    pool,
    flows: createFlowCache(pool, now),
    scripts: createScriptCache(pool, now),
    workspaces,
    variables: nothing,
    resources: nothing,
  });
  const metrics = { transition: () => undefined };
  const deps = {
    store: createFlowRunStore(pool),
    catalogue,
    expressions,
    newJobId: createJobIdGenerator(() => Date.now()),
    resultMaxBytes: 1024 * 1024,
    metrics,
  };
  return (host) => new FlowEngine(host, deps);
}
