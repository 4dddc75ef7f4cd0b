import { connect } from "../connect.ts";
import { parseExactJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readTextFile } from "../job-args.ts";
import { resolveJobId } from "../job-ids.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface AnswerOptions extends ConnectionFlags {
  readonly step?: string;
  readonly payload?: string;
}

/** `millrace approve` and `millrace refuse`: answers for a step that waits for people. */
export async function answerCommand(typed: string, approve: boolean, { step, payload, ...options }: AnswerOptions): Promise<ExitCode> {
  const given = payload === undefined ? {} : { payload: readPayload(payload) };
  const client = connect(options);
  const id = await resolveJobId(client, typed);
  await client.answerStep(id, JSON.stringify({ step, approve, ...given }));
  process.stderr.write(`${approve ? "approved" : "refused"}\n`);
  return EXIT.ok;
}

/** Errors: invalid_argument for what is no JSON. */
function readPayload(payload: string): unknown {
  const file = payload.startsWith("@") ? payload.slice(1) : undefined;
  return parseExactJson(file === undefined ? payload : readTextFile(file), file ?? "--payload");
}
