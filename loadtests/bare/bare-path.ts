import { readFileSync } from "node:fs";
import type { SimulatorReport } from "../agents/simulator-messages.ts";
import type { LoadReport, SourcePlan } from "../load/generator-messages.ts";
import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { Load } from "../load/load.ts";
import { monotonicUs } from "../load/monotonic.ts";
import { audit, problemsOf, Tally } from "../load/tally.ts";
import type { PeerResult } from "../result/model.ts";
import { Conversation } from "../world/messages.ts";
import { startPostgres, temporaryFolder } from "../world/postgres.ts";
import { startProgram, until } from "../world/processes.ts";
import { Scope } from "../world/scope.ts";
import { answersOf, latenciesOf, latenessOf, type Times } from "../world/stage.ts";
import type { FromBareReceiver, FromBareServer, ToBareReceiver, ToBareServer } from "./bare-messages.ts";

/** Under this name it stands among the peers. It is none: nobody could use it for anything. */
export const BARE_PATH = "bare-path";

export interface BareOptions {
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly connections: number;
  /** The same as on the system that it is compared with. */
  readonly sources: (times: Times) => readonly SourcePlan[];
}

export interface BarePath {
  readonly peer: PeerResult;
  /** From the intended start of a request to the arrival of its message; empty when it could not be measured. */
  readonly assigned: Latencies;
}

const HEAD_START_US = 300_000;
const SETTINGS = {
  http: "node:http, one POST with a JSON body for each job",
  insert: "one row, a commit of its own, one connection",
  message: "grpc-js, one frame with one bundle on an open stream of our own service, before the answer",
  postgres: "embedded, durable commits, the product's settings",
} as const;

/**
 * What this machine can do at all without Millrace: request, one durable row, one message to another process. Same generator, same arrivals,
 * same clocks and same book as for the system itself. It is context: the difference is the price of a queue, of tenants, of fairness and of recovery.
 */
export async function measureBarePath(owner: Scope, options: BareOptions): Promise<BarePath> {
  const scope = new Scope();
  owner.defer(() => scope.close());
  try {
    const { load, seen } = await runBare(scope, options);
    const assigned = latenciesOf(seen);
    const figures = {
      ...latencyFigures("bare_request_to_assignment", assigned),
      ...latencyFigures("bare_request_to_answer", answersOf(load)),
      bare_generator_lateness_p99_ms: round(latenessOf(load).percentileMs(99)),
    };
    return { peer: { kind: "measured", version: versions(), figures, settings: SETTINGS }, assigned };
  } catch (error) {
    return { peer: { kind: "skipped", reason: `it failed: ${error instanceof Error ? error.message : String(error)}` }, assigned: new Latencies() };
  } finally {
    await scope.close();
  }
}

async function runBare(scope: Scope, options: BareOptions): Promise<{ load: LoadReport; seen: SimulatorReport }> {
  const { url } = await startPostgres(scope, temporaryFolder(scope));
  const server = talk<ToBareServer, FromBareServer>(scope, "loadtests/bare/bare-server-child.ts", "the bare server");
  const up = server.hear("ready", 20_000);
  server.say({ kind: "start", url });
  const { base, grpc } = await up;
  const receiver = talk<ToBareReceiver, FromBareReceiver>(scope, "loadtests/bare/bare-receiver-child.ts", "the bare receiver");
  const connected = receiver.hear("connected", 20_000);
  receiver.say({ kind: "start", address: grpc });
  await connected;
  const load = await Load.start(scope);
  const startUs = Math.ceil(monotonicUs() + HEAD_START_US);
  const fromUs = startUs + options.warmUpMs * 1000;
  const times: Times = { startUs, fromUs, toUs: fromUs + options.measureMs * 1000 };
  const measuring = receiver.hear("measuring", 10_000);
  receiver.say({ kind: "measure", window: { fromUs: times.fromUs, toUs: times.toUs, bucketMs: 1000, sampled: [] } });
  await measuring;
  const { connections } = options;
  const report = await load.run({ bases: [base], token: "none", connections, measureFromUs: fromUs, sources: options.sources(times) });
  return { load: report, seen: await everything(receiver, report) };
}

/** The receiver's report, as soon as every job that was accepted has arrived there. @throws when some do not, or arrive twice */
async function everything(receiver: Conversation<ToBareReceiver, FromBareReceiver>, load: LoadReport): Promise<SimulatorReport> {
  let seen: SimulatorReport | undefined;
  let problems: string[] = [];
  const complete = async (): Promise<boolean> => {
    const heard = receiver.hear("report", 10_000);
    receiver.say({ kind: "report" });
    ({ report: seen } = await heard);
    const started = new Tally(seen.started);
    problems = problemsOf(audit(new Tally(load.fates), started, started));
    return problems.length === 0;
  };
  await until("every job has arrived", complete, 10_000).catch((error: unknown) => {
    throw new Error(problems[0] ?? String(error));
  });
  if (seen === undefined) throw new Error("the receiver said nothing");
  return seen;
}

function talk<Out extends { kind: string }, In extends { kind: string }>(scope: Scope, script: string, name: string): Conversation<Out, In> {
  return new Conversation<Out, In>(startProgram(scope, script, [], {}, false).child, name);
}

function versions(): string {
  const versionOf = (name: string): string =>
    (JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")) as { version: string }).version;
  return `Node ${process.version}, pg ${versionOf("pg")}, grpc-js ${versionOf("@grpc/grpc-js")}`;
}
