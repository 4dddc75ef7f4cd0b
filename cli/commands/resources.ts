import { connect } from "../connect.ts";
import { indentJson, isJsonObject, parseExactJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { print, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { filterOf, type ListOptions, printThings, textOf } from "./variables.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

export interface SetResourceOptions extends JsonFlag {
  readonly type?: string;
  readonly description?: string;
}

/** `millrace resource list`. */
export async function listResourcesCommand(options: ListOptions): Promise<ExitCode> {
  const page = await connect(options).resources(filterOf(options));
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  const rows = page.resources.map((one) => [one.path, one.type, one.updated_at, one.updated_by, plainText(one.description)]);
  printThings(["PATH", "TYPE", "CHANGED", "BY", "DESCRIPTION"], rows, page.next_cursor);
  return EXIT.ok;
}

/** `millrace resource get`: the value alone on stdout, references as they are. */
export async function getResourceCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  const text = await connect(options).resource(path);
  if (options.json === true) {
    print(text);
    return EXIT.ok;
  }
  const resource = parseExactJson(text, "the answer");
  const value = JSON.stringify(isJsonObject(resource) ? resource["value"] : null);
  print(process.stdout.isTTY ? indentJson(value) : value);
  return EXIT.ok;
}

/** `millrace resource set`. */
export async function setResourceCommand(path: string, json: string | undefined, options: SetResourceOptions): Promise<ExitCode> {
  const { type, description } = options;
  const value = parseExactJson(textOf(json), "the value");
  const body = { value, ...(type !== undefined && { type }), ...(description !== undefined && { description }) };
  const stored = await connect(options).putThing("resources", path, JSON.stringify(body));
  if (options.json === true) printJson(stored);
  else say(`${path} is set`);
  return EXIT.ok;
}
