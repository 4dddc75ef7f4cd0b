import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { ItemKey } from "./item.ts";

/** What an item was when folder and workspace last had the same. */
export interface Known {
  readonly etag: string;
  /** Of the item as the folder says it. */
  readonly print: string;
}

/** Each person has an own one: it says what this folder was like, and is not to be shared. */
const STATE_FILE = ".millrace/sync.json";

const fileShape = z.strictObject({
  version: z.literal(1),
  targets: z.record(z.string(), z.record(z.string(), z.tuple([z.string(), z.string()]))),
});

/** Which workspace a state is about: one folder may be used with several. */
export function targetOf({ url, workspace }: { readonly url: string; readonly workspace: string }): string {
  return `${url} ${workspace}`;
}

/** What a folder knows of a workspace; undefined when it was never pulled from there. Errors: invalid_argument when the file is damaged. */
export function readState(root: string, target: string): ReadonlyMap<ItemKey, Known> | undefined {
  const items = readFile(root)[target];
  return items === undefined ? undefined : new Map(Object.entries(items).map(([key, [etag, print]]) => [key, { etag, print }]));
}

/** Replaces what a folder knows of a workspace. */
export function writeState(root: string, target: string, items: ReadonlyMap<ItemKey, Known>): void {
  const entries = [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { etag, print }]) => [key, [etag, print]] as const);
  const targets = { ...readFile(root), [target]: Object.fromEntries(entries) };
  const path = join(root, STATE_FILE);
  mkdirSync(dirname(path), { recursive: true });
  const ignore = join(dirname(path), ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
  writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, targets }, undefined, 1)}\n`);
  renameSync(`${path}.new`, path);
}

function readFile(root: string): Readonly<Record<string, Readonly<Record<string, readonly [string, string]>>>> {
  const path = join(root, STATE_FILE);
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw damaged(path, error);
  }
  const parsed = fileShape.safeParse(value);
  if (!parsed.success) throw damaged(path, parsed.error);
  return parsed.data.targets;
}

function damaged(path: string, cause: unknown): AppError {
  return new AppError("invalid_argument", `${path} cannot be read: ${messageOf(cause).split("\n")[0] ?? ""}`, {
    hint: "remove it: then the folder counts as one that was never pulled",
    cause,
  });
}
