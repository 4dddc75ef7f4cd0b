import type { ThingKind } from "../api-client.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

/** `millrace variable delete`, `millrace resource delete`. */
export async function deleteThingCommand(kind: ThingKind, path: string, options: ConnectionFlags & { readonly json?: boolean }): Promise<ExitCode> {
  await connect(options).deleteThing(kind, path);
  if (options.json === true) printJson({ path, deleted: true });
  else say(`${path} is deleted`);
  return EXIT.ok;
}
