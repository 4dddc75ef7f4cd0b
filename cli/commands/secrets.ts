import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

/** `millrace secrets rotate`. */
export async function rotateSecretsCommand(options: ConnectionFlags & { readonly json?: boolean }): Promise<ExitCode> {
  const { version } = await connect(options).rotateSecrets();
  if (options.json === true) printJson({ version });
  else say(`new secrets are sealed with key ${version} from now on; the others follow in the background`);
  return EXIT.ok;
}
