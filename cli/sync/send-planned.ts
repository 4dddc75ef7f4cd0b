import { z } from "zod";
import type { DeployedFile } from "../deploy.ts";
import type { Comparison } from "./compare.ts";
import type { ItemKey } from "./item.ts";
import type { AskApi } from "./kinds/kind.ts";
import { type Outcome, type SendPlan, sendOne } from "./send.ts";
import { type Known, writeState } from "./state.ts";

/** What the folder knows of the workspace; undefined when it was never pulled, and then nothing is written down. */
export interface SendTarget {
  readonly root: string;
  readonly target: string;
  readonly known: ReadonlyMap<ItemKey, Known> | undefined;
}

const answerShape = z.looseObject({
  lock_state: z.enum(["none", "pending", "ready", "failed"]).optional(),
  ignored: z.array(z.string()).optional(),
  hash: z.string().optional(),
});

/** Sends and removes what was planned, one after the other, and notes what folder and workspace have in common from then on. Errors: those of sendOne. */
export async function sendPlanned(
  ask: AskApi,
  { send, remove, same }: Pick<SendPlan, "send" | "remove" | "same">,
  { root, target, known }: SendTarget,
  onFile: (file: DeployedFile) => void,
): Promise<DeployedFile[]> {
  const common = new Map(known);
  for (const { key, remote } of same) if (remote !== undefined) common.set(key, { etag: remote.etag, print: remote.print });
  const files: DeployedFile[] = [];
  try {
    for (const one of [...send, ...remove]) {
      const outcome = await sendOne(ask, one);
      if (outcome.kind === "sent" && one.local !== undefined) common.set(one.key, { etag: outcome.sent.etag, print: one.local.item.print });
      if (outcome.kind === "removed") common.delete(one.key);
      const file = fileOf(one, outcome);
      files.push(file);
      onFile(file);
    }
  } finally {
    if (known !== undefined) writeState(root, target, common);
  }
  return files;
}

function fileOf({ kind, path, local, remote }: Comparison, outcome: Outcome): DeployedFile {
  const file = local?.sources[0] ?? path;
  if (outcome.kind === "removed") return { file, status: "deleted", path };
  if (outcome.kind === "sent") {
    const { lock_state: lock, ignored, hash } = answerShape.parse(outcome.sent.answer);
    const status = outcome.sent.created ? "created" : kind === "script" || kind === "flow" ? "unchanged" : "changed";
    const more = { ...(hash !== undefined && { hash }), ...(lock !== undefined && { lock }), ...(ignored !== undefined && ignored.length > 0 && { ignored }) };
    return { file, status, path, ...more };
  }
  const { message, hint, fields } = outcome.error;
  const advice = hint ?? (kind === "variable" && remote === undefined ? `a secret is made with: millrace variable set ${path} --secret` : undefined);
  const problems = kind === "flow" && fields.length > 1 ? { problems: fields.map((field) => field.message) } : {};
  return { file, status: outcome.kind, path, reason: message, ...(advice !== undefined && { hint: advice }), ...problems };
}
