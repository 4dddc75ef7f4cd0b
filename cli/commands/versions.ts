import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { connect } from "../connect.ts";
import { parseExactJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatTable, inkFor, print, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { unifiedDiff } from "../sync/diff.ts";
import type { SyncItem } from "../sync/item.ts";
import { readAnswer } from "../sync/kinds/answers.ts";
import { flowVersion } from "../sync/kinds/flow.ts";
import type { AskApi } from "../sync/kinds/kind.ts";
import { scriptVersion } from "../sync/kinds/script.ts";
import { printDiff } from "../sync/show-diff.ts";

type VersionedKind = "script" | "flow";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

export interface ListOptions extends JsonFlag {
  readonly prefix?: string;
  readonly archived?: boolean;
}

const PAGE = "200";
const SHORT_HASH = 12;
const view = z.looseObject({
  path: z.string(),
  hash: z.string(),
  summary: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  current: z.boolean().optional(),
});
type View = z.infer<typeof view>;
const page = z.looseObject({
  scripts: z.array(view).optional(),
  flows: z.array(view).optional(),
  versions: z.array(view).optional(),
  next_cursor: z.string().optional(),
});

/** `millrace script list`, `millrace flow list`. */
export async function listCommand(kind: VersionedKind, options: ListOptions): Promise<ExitCode> {
  const found = await readAll(connect(options).ask, `/${kind}s`, {
    ...(options.prefix !== undefined && { prefix: options.prefix }),
    ...(options.archived === true && { archived: "true" }),
  });
  show(options, found, ["PATH", "VERSION", "DEPLOYED", "BY", "SUMMARY"], (one) => [
    one.path,
    one.hash.slice(0, SHORT_HASH),
    one.created_at,
    one.created_by,
    one.summary,
  ]);
  return EXIT.ok;
}

/** `millrace script versions`, `millrace flow versions`. */
export async function versionsCommand(kind: VersionedKind, path: string, options: JsonFlag): Promise<ExitCode> {
  const found = await readAll(connect(options).ask, `/${kind}s/versions`, { path });
  show(options, found, ["VERSION", "DEPLOYED", "BY", "", "SUMMARY"], (one) => [
    one.hash.slice(0, SHORT_HASH),
    one.created_at,
    one.created_by,
    one.current === true ? "current" : "",
    one.summary,
  ]);
  return EXIT.ok;
}

/** `millrace script show`: the code alone on stdout, as it was deployed; of a flow its text. */
export async function showCommand(kind: VersionedKind, path: string, hash: string | undefined, options: JsonFlag): Promise<ExitCode> {
  const { ask } = connect(options);
  const [item] = await versionsOf(ask, kind, path, [hash]);
  if (options.json === true) print(JSON.stringify(parseExactJson(item?.body ?? "null", "the version")));
  else process.stdout.write(item?.files[0]?.text ?? "");
  return EXIT.ok;
}

/** `millrace script diff`, `millrace flow diff`. */
export async function diffCommand(kind: VersionedKind, path: string, from: string, to: string | undefined, options: JsonFlag): Promise<ExitCode> {
  const [before, after] = await versionsOf(connect(options).ask, kind, path, [from, to]);
  const suffixes = [...new Set([...(before?.files ?? []), ...(after?.files ?? [])].map(({ suffix }) => suffix))];
  const textOf = (item: SyncItem | undefined, suffix: string): string | undefined => item?.files.find((file) => file.suffix === suffix)?.text;
  const diff = suffixes
    .map((suffix) => unifiedDiff(textOf(before, suffix), textOf(after, suffix), [`${from}/${path}${suffix}`, `${to ?? "current"}/${path}${suffix}`]))
    .join("");
  if (options.json === true) printJson({ diff });
  else printDiff(diff);
  return EXIT.ok;
}

/** `archive`, `unarchive` and `move` of a script or a flow. */
export async function changeCommand(
  kind: VersionedKind,
  verb: "archive" | "unarchive" | "move",
  body: { readonly path: string; readonly to?: string },
  options: JsonFlag,
): Promise<ExitCode> {
  const answer = readAnswer(await connect(options).ask("POST", `/${kind}s/${verb}`, JSON.stringify(body)), view, `POST /${kind}s/${verb}`);
  const done = { archive: "is archived", unarchive: "is in use again", move: `is at ${answer.path} now` }[verb];
  if (options.json === true) printJson(answer);
  else say(`${body.path} ${done}`);
  return EXIT.ok;
}

/** Versions by the beginnings of their hashes; undefined: the current one. Errors: not_found, invalid_argument when several begin like that. */
async function versionsOf(ask: AskApi, kind: VersionedKind, path: string, wanted: readonly (string | undefined)[]): Promise<SyncItem[]> {
  const versions = await readAll(ask, `/${kind}s/versions`, { path });
  const read = kind === "script" ? scriptVersion : flowVersion;
  return Promise.all(wanted.map((hash) => read(ask, hashOf(versions, path, hash))));
}

function hashOf(versions: readonly View[], path: string, wanted: string | undefined): string {
  const [found, other] = versions.filter(({ hash, current }) => (wanted === undefined ? current === true : hash.startsWith(wanted)));
  if (found === undefined)
    throw new AppError("not_found", `${path} has no version ${wanted ?? ""}`, { hint: "millrace script versions lists them; flow versions those of flows" });
  if (other !== undefined) throw new AppError("invalid_argument", `several versions of ${path} begin with ${wanted ?? ""}`, { hint: "give more of the hash" });
  return found.hash;
}

async function readAll(ask: AskApi, route: string, query: Readonly<Record<string, string>>): Promise<View[]> {
  const found: View[] = [];
  let cursor: string | undefined;
  do {
    const parameters = new URLSearchParams({ ...query, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    const answer = readAnswer(await ask("GET", `${route}?${parameters}`), page, `GET ${route}`);
    found.push(...(answer.scripts ?? answer.flows ?? answer.versions ?? []));
    cursor = answer.next_cursor;
  } while (cursor !== undefined);
  return found;
}

function show(options: JsonFlag, found: readonly View[], heads: string[], row: (one: View) => string[]): void {
  if (options.json === true) {
    printJson(found);
    return;
  }
  const ink = inkFor(process.stdout);
  const rows = found.map((one) => row(one).map(plainText));
  process.stdout.write(formatTable(heads, rows, (cell, _column, at) => (at === -1 ? ink.dim(cell) : cell)));
}
