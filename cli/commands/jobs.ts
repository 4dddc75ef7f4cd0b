import type { JobStatus, JobView } from "../../control-plane/jobs/contract.ts";
import { connect } from "../connect.ts";
import { formatAge, formatDuration } from "../durations.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { describeExit } from "../failure.ts";
import { shortId } from "../job-ids.ts";
import { formatTable, type Ink, inkFor, printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface JobsOptions extends ConnectionFlags {
  readonly status?: JobStatus;
  readonly script?: string;
  readonly cursor?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `millrace jobs`: one page of jobs, newest first. */
export async function jobsCommand(options: JobsOptions): Promise<ExitCode> {
  const { status, script, cursor, limit } = options;
  const page = await connect(options).jobs({
    limit,
    ...(status !== undefined && { status }),
    ...(script !== undefined && { script }),
    ...(cursor !== undefined && { cursor }),
  });
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  if (page.jobs.length === 0) {
    const filtered = status !== undefined || script !== undefined;
    say(cursor !== undefined ? "no more jobs" : filtered ? "no job fits the filter" : "no jobs yet: try `millrace run examples/stream_lines.sh`");
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  process.stdout.write(jobsTable(page.jobs, Date.now(), ink));
  if (page.next_cursor !== undefined) say(ink.dim(`more: add --cursor ${page.next_cursor}`));
  return EXIT.ok;
}

/** The table of a page of jobs. */
export function jobsTable(jobs: readonly JobView[], nowMs: number, ink: Ink): string {
  const rows = jobs.map((job) => [
    shortId(job.id),
    job.status,
    job.script ?? `(inline ${job.language})`,
    formatAge(Date.parse(job.created_at), nowMs),
    job.wait_ms === undefined ? "" : formatDuration(job.wait_ms),
    job.run_ms === undefined ? "" : formatDuration(job.run_ms),
    job.agent ?? "",
    noteOf(job),
  ]);
  return formatTable(["ID", "STATUS", "SCRIPT", "CREATED", "WAITED", "RAN", "AGENT", "NOTE"], rows, (cell, column, row) => {
    if (row === -1) return ink.dim(cell);
    return column === 1 ? paintStatus(ink, jobs[row]?.status)(cell) : cell;
  });
}

function noteOf(job: JobView): string {
  if (job.status === "queued") return job.wait_reason ?? "";
  const ended = job.status === "failed" || job.exit?.reason === "expired" ? describeExit(job) : "";
  return [ended, job.attempt > 1 ? `attempt ${job.attempt}` : ""].filter((part) => part !== "").join(", ");
}

/** The colour of a status; the word itself always says it too. */
export function paintStatus(ink: Ink, status: JobStatus | undefined): (text: string) => string {
  switch (status) {
    case "succeeded":
      return ink.green;
    case "failed":
      return ink.red;
    case "cancelled":
      return ink.yellow;
    case "running":
      return ink.cyan;
    default:
      return (text) => text;
  }
}
