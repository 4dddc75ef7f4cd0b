import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readTextFile } from "../job-args.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

export interface ListOptions extends JsonFlag {
  readonly prefix?: string;
  readonly type?: string;
  readonly cursor?: string;
  readonly limit: number;
}

export interface SetVariableOptions extends JsonFlag {
  readonly secret?: boolean;
  readonly description?: string;
}

/** `millrace variable list`. */
export async function listVariablesCommand(options: ListOptions): Promise<ExitCode> {
  const page = await connect(options).variables(filterOf(options));
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  const rows = page.variables.map((one) => [one.path, one.is_secret ? "secret" : "plain", one.updated_at, one.updated_by, plainText(one.description)]);
  printThings(["PATH", "KIND", "CHANGED", "BY", "DESCRIPTION"], rows, page.next_cursor);
  return EXIT.ok;
}

/** `millrace variable get`: the value alone on stdout, as it is. */
export async function getVariableCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  const variable = await connect(options).variable(path);
  if (options.json === true) {
    printJson(variable);
    return EXIT.ok;
  }
  if (variable.value === undefined) {
    say(`${path} is a secret: it is shown to running jobs alone`);
    return EXIT.auth;
  }
  process.stdout.write(variable.value);
  return EXIT.ok;
}

/** `millrace variable set`. A value on the command line can be seen by others on this machine: secrets had better come by stdin. */
export async function setVariableCommand(path: string, value: string | undefined, options: SetVariableOptions): Promise<ExitCode> {
  const { secret, description } = options;
  const body = { value: textOf(value), ...(secret !== undefined && { is_secret: secret }), ...(description !== undefined && { description }) };
  const stored = await connect(options).putThing("variables", path, JSON.stringify(body));
  if (options.json === true) printJson(stored);
  else say(`${path} is set`);
  return EXIT.ok;
}

/** The text itself, that of a file, or stdin. */
export function textOf(given: string | undefined): string {
  if (given === undefined) return readTextFile("-");
  return given.startsWith("@") ? readTextFile(given.slice(1)) : given;
}

export function filterOf({ prefix, type, cursor, limit }: ListOptions): { prefix?: string; type?: string; cursor?: string; limit: number } {
  return { limit, ...(prefix !== undefined && { prefix }), ...(type !== undefined && { type }), ...(cursor !== undefined && { cursor }) };
}

/** A table, and how to see the rest. */
export function printThings(heads: string[], rows: string[][], next: string | undefined): void {
  const ink = inkFor(process.stdout);
  process.stdout.write(formatTable(heads, rows, (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell)));
  if (next !== undefined) say(`there are more: --cursor ${next}`);
}
