import type { FlowEventView, FlowStepView } from "../control-plane/flows/runs/contract.ts";
import type { ApiClient } from "./api-client.ts";
import { formatDuration } from "./durations.ts";
import { pause } from "./follow.ts";
import { inkFor } from "./output.ts";
import type { JobScreen } from "./run-job.ts";
import { plainText } from "./sanitise.ts";

const LOOK_MS = 500;
/** Looks without news after which it is told what the run waits for. */
const QUIET_LOOKS = 4;
/** Of the steps that run at a time, so many are asked why they do not begin. */
const MOST_ASKED = 5;
/** Of a step's output, what is shown beside those of the others. */
const MAX_LINES = 200;

/**
 * Shows what happens in a run until `over` aborts: each step as it begins and ends, and its output then. Events come by page, so that a
 * connection that breaks costs nothing but a delay.
 */
export async function showSteps(client: ApiClient, id: string, screen: JobScreen, over: AbortSignal): Promise<void> {
  const told = new Set<string>();
  for (let [after, quiet] = [0, 0]; ; ) {
    const last = over.aborted;
    const { events } = await client.flowEvents(id, after).catch(() => ({ events: [] as readonly FlowEventView[] }));
    for (const event of events) await showEvent(client, screen, event);
    after = events.at(-1)?.seq ?? after;
    if (last && events.length === 0) return;
    quiet = events.length === 0 ? quiet + 1 : 0;
    if (quiet > 0 && quiet % QUIET_LOOKS === 0) await tellWaits(client, id, screen, told).catch(() => undefined);
    if (events.length === 0) await pause(LOOK_MS, over).catch(() => undefined);
  }
}

/** What keeps the run from going on; each once. */
async function tellWaits(client: ApiClient, id: string, screen: JobScreen, told: Set<string>): Promise<void> {
  const ink = inkFor(process.stderr);
  const { steps } = await client.flowRun(id);
  const tell = (key: string, text: string): void => {
    if (!told.has(key)) screen.line(ink.dim(`… ${plainText(text)}`));
    told.add(key);
  };
  for (const { step, status, attempt, done = 0, count = 1, until } of steps) {
    if (status === "suspended") tell(`${step} ${done}`, `${step} waits for people, ${done} of ${count} have approved: millrace approve ${id} --step ${step}`);
    else if (status === "retrying" && until !== undefined)
      tell(`${step} ${attempt}`, `${step} is tried again in ${formatDuration(Math.max(0, Date.parse(until) - Date.now()))}`);
  }
  for (const { step, job } of steps.filter(isOfJob).slice(0, MOST_ASKED)) {
    const { status, wait_reason: reason } = await client.job(job);
    if (status === "queued" && reason !== undefined) tell(`${step} ${reason}`, `${step} is queued: ${reason}`);
  }
}

function isOfJob(step: FlowStepView): step is FlowStepView & { readonly job: string } {
  return step.status === "running" && step.job !== undefined;
}

async function showEvent(client: ApiClient, screen: JobScreen, { kind, step = "", ...event }: FlowEventView): Promise<void> {
  const ink = inkFor(process.stderr);
  const place = plainText(step);
  switch (kind) {
    case "started":
      screen.line(`${ink.cyan("▸")} ${place}${Number(event["attempt"]) > 1 ? ink.dim(` attempt ${Number(event["attempt"])}`) : ""}`);
      return;
    case "ended": {
      const job = typeof event["job"] === "string" ? event["job"] : "";
      for (const line of await outputOf(client, job)) screen.line(`${ink.dim(`${place} │`)} ${plainText(line)}`);
      screen.line(`${event["outcome"] === "succeeded" ? ink.green("✓") : ink.red("✗")} ${place}`);
      return;
    }
    case "skip_decided":
      if (event["skip"] === true) screen.line(`${ink.dim("○")} ${place} ${ink.dim("skipped")}`);
      return;
    case "slept":
      screen.line(`${ink.dim("…")} ${place} ${ink.dim("sleeps")}`);
      return;
    case "approval":
      screen.line(`${ink.cyan("●")} ${place} ${ink.dim("was answered")}`);
      return;
    case "evaluation_failed":
      screen.line(`${ink.red("✗")} ${place}: ${plainText(String(event["message"]))}`);
      return;
    default:
  }
}

async function outputOf(client: ApiClient, job: string): Promise<string[]> {
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await client.logs(job, {})) chunks.push(chunk);
    const lines = Buffer.concat(chunks).toString().split("\n").slice(0, -1);
    const more = lines.length - MAX_LINES;
    return more > 0 ? [...lines.slice(0, MAX_LINES), `… ${more} more lines: millrace logs ${job}`] : lines;
  } catch {
    return [];
  }
}
