import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { resolveJobId } from "../job-ids.ts";
import { printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface CancelOptions extends ConnectionFlags {
  readonly reason?: string;
  readonly json?: boolean;
}

/** `millrace cancel`: asks for the end of a job. A running one gets a signal and some time to end by itself. */
export async function cancelCommand(typed: string, options: CancelOptions): Promise<ExitCode> {
  const client = connect(options);
  const id = await resolveJobId(client, typed);
  const job = await client.cancel(id, options.reason);
  if (options.json === true) printJson(job);
  else say(job.status === "cancelled" ? `cancelled job ${id}` : `job ${id} was told to end (it is ${job.status}); follow: millrace logs ${id} -f`);
  return EXIT.ok;
}
