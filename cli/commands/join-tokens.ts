import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

export interface CreateJoinTokenOptions extends JsonFlag {
  readonly uses: number;
  /** Seconds. */
  readonly expires: number;
  readonly tags: readonly string[];
  readonly cidr: readonly string[];
  readonly label: string;
}

/** `millrace agents join-token create`: the token alone on stdout, so that it can go into a file. */
export async function createJoinTokenCommand(options: CreateJoinTokenOptions): Promise<ExitCode> {
  const { uses, expires, tags, cidr, label } = options;
  const made = await connect(options).createJoinToken({ uses, expires_in_s: expires, tags: [...tags], cidrs: [...cidr], label });
  if (options.json === true) {
    printJson(made);
    return EXIT.ok;
  }
  say(`join token ${made.id}, for ${made.uses} agent${made.uses === 1 ? "" : "s"}, until ${made.expires_at}; it is not shown again`);
  process.stdout.write(`${made.token}\n`);
  return EXIT.ok;
}

/** `millrace agents join-token list`. */
export async function joinTokensCommand(options: JsonFlag): Promise<ExitCode> {
  const tokens = await connect(options).joinTokens();
  if (options.json === true) {
    printJson({ tokens });
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  process.stdout.write(
    formatTable(
      ["ID", "STATUS", "USED", "EXPIRES", "TAGS", "FROM", "BY", "LABEL"],
      tokens.map((token) => [
        token.id,
        token.status,
        `${token.used}/${token.uses}`,
        token.expires_at,
        token.tags.join(",") || "all",
        token.cidrs.join(",") || "anywhere",
        token.created_by,
        token.label,
      ]),
      (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell),
    ),
  );
  return EXIT.ok;
}

/** `millrace agents join-token revoke`. */
export async function revokeJoinTokenCommand(id: string, options: JsonFlag): Promise<ExitCode> {
  await connect(options).revokeJoinToken(id);
  if (options.json === true) printJson({ id, revoked: true });
  else say(`join token ${id} is revoked`);
  return EXIT.ok;
}
