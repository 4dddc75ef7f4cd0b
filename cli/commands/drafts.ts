import { relative } from "node:path";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { connect } from "../connect.ts";
import { indentJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { flowFile, readFlow } from "../flow-files.ts";
import { readTextFile } from "../job-args.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { readAnswer } from "../sync/kinds/answers.ts";
import type { AskApi } from "../sync/kinds/kind.ts";
import { scriptFile } from "../sync/script-names.ts";

type DraftKind = "script" | "flow";

interface DraftOptions extends ConnectionFlags {
  readonly json?: boolean;
  readonly kind?: DraftKind;
}

const PAGE = "200";
const view = z.looseObject({ kind: z.enum(["script", "flow"]), path: z.string(), author: z.string(), revision: z.int(), updated_at: z.string() });
type View = z.infer<typeof view>;
const page = z.looseObject({ drafts: z.array(view), next_cursor: z.string().optional() });
const whole = view.extend({ value: z.record(z.string(), z.unknown()) });
const deployed = z.looseObject({ hash: z.string(), created: z.boolean() });

/** `millrace draft list`. */
export async function listDraftsCommand(options: DraftOptions & { readonly everybody?: boolean }): Promise<ExitCode> {
  const { kind, everybody } = options;
  const found = await readAll(connect(options).ask, { ...(kind !== undefined && { kind }), ...(everybody === true && { everybody: "true" }) });
  if (options.json === true) {
    printJson(found);
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  const rows = found.map((one) => [one.kind, one.path, one.author, one.updated_at].map(plainText));
  process.stdout.write(formatTable(["KIND", "PATH", "AUTHOR", "SAVED"], rows, (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell)));
  return EXIT.ok;
}

/** `millrace draft save`. */
export async function saveDraftCommand(file: string, options: ConnectionFlags & { readonly json?: boolean; readonly path?: string }): Promise<ExitCode> {
  const { kind, stem, value } = readFile(file);
  const path = options.path ?? pathOf(file, stem);
  const answer = readAnswer(await connect(options).ask("PUT", address(kind, path), JSON.stringify({ value })), view, "PUT /drafts");
  if (options.json === true) printJson(answer);
  else say(`the draft of the ${kind} ${path} is saved`);
  return EXIT.ok;
}

/** `millrace draft show`, `deploy` and `delete`. */
export async function draftCommand(verb: "show" | "deploy" | "delete", path: string, options: DraftOptions): Promise<ExitCode> {
  const { ask } = connect(options);
  const kind = options.kind ?? (await onlyKind(ask, path));
  if (verb === "delete") {
    await ask("DELETE", address(kind, path));
    if (options.json === true) printJson({ kind, path, deleted: true });
    else say(`the draft of the ${kind} ${path} is deleted`);
    return EXIT.ok;
  }
  const draft = readAnswer(await ask("GET", address(kind, path)), whole, "GET /drafts");
  if (verb === "show") {
    if (options.json === true) printJson(draft);
    else process.stdout.write(textOf(draft.value));
    return EXIT.ok;
  }
  const answer = readAnswer(await ask("POST", `/${kind}s`, JSON.stringify({ ...draft.value, path })), deployed, `POST /${kind}s`);
  await throwAway(ask, draft);
  if (options.json === true) printJson(answer);
  else say(answer.created ? `${path} is deployed` : `${path} runs this version already`);
  return EXIT.ok;
}

/** What was saved while it was deployed stays. */
async function throwAway(ask: AskApi, { kind, path, revision }: View): Promise<void> {
  await ask("DELETE", address(kind, path), undefined, { "if-match": `"${revision}"` }).catch((error: unknown) => {
    if (AppError.from(error).code !== "aborted") throw error;
    say(`the draft of ${path} has changed meanwhile: it stays`);
  });
}

async function onlyKind(ask: AskApi, path: string): Promise<DraftKind> {
  const [found, other] = await readAll(ask, { path });
  if (found === undefined) throw new AppError("not_found", `you have no draft of ${path}`, { hint: "millrace draft list" });
  if (other !== undefined) throw new AppError("invalid_argument", `you have drafts of a script and of a flow ${path}`, { hint: "say which: --kind script" });
  return found.kind;
}

async function readAll(ask: AskApi, query: Readonly<Record<string, string>>): Promise<View[]> {
  const found: View[] = [];
  let cursor: string | undefined;
  do {
    const parameters = new URLSearchParams({ ...query, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    const answer = readAnswer(await ask("GET", `/drafts?${parameters}`), page, "GET /drafts");
    found.push(...answer.drafts);
    cursor = answer.next_cursor;
  } while (cursor !== undefined);
  return found;
}

function readFile(file: string): { readonly kind: DraftKind; readonly stem: string; readonly value: object } {
  const flow = flowFile(file);
  if (flow?.kind === "flow") return { kind: "flow", stem: flow.name, value: readFlow(file).source };
  const script = scriptFile(file);
  if (script === undefined)
    throw new AppError("invalid_argument", `${file} is neither a script nor a flow`, { hint: "docs/sync.md says what files are called" });
  return { kind: "script", stem: script.stem, value: { language: script.language, content: readTextFile(file) } };
}

const PATH = /^[uf]\/[^/]+\/./;

function pathOf(file: string, stem: string): string {
  const path = relative(".", stem).replaceAll("\\", "/");
  if (PATH.test(path)) return path;
  throw new AppError("invalid_argument", `where is ${file} to be deployed?`, { hint: "--path f/folder/name, or call it so: f/folder/name.py" });
}

const address = (kind: DraftKind, path: string): string => `/drafts/by-path?${new URLSearchParams({ kind, path })}`;

/** The code of a script, the text of a flow; of what is neither all of it. */
function textOf(value: Readonly<Record<string, unknown>>): string {
  const text = value["content"] ?? value["yaml"];
  return typeof text === "string" ? text : `${indentJson(JSON.stringify(value["document"] ?? value))}\n`;
}
