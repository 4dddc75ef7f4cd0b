import type { ScriptView } from "../control-plane/scripts/contract.ts";
import { AppError } from "../kernel/app-error.ts";
import type { ApiClient } from "./api-client.ts";
import type { PlannedFile } from "./deploy-plan.ts";
import type { SyncItem } from "./sync/item.ts";
import { SYNC_KINDS } from "./sync/kinds/all-kinds.ts";

/** What became of one file. */
export interface DeployedFile {
  readonly file: string;
  readonly status: "created" | "changed" | "unchanged" | "skipped" | "failed" | "deleted" | "conflict";
  readonly path?: string;
  readonly hash?: string;
  /** What is known of its dependencies so far. */
  readonly lock?: ScriptView["lock_state"];
  /** Why it was skipped or failed. */
  readonly reason?: string;
  readonly hint?: string;
  /** Of a flow: all that is wrong, when that is more than one thing. */
  readonly problems?: readonly string[];
  /** Of a flow: members that change nothing, as JSON pointers. */
  readonly ignored?: readonly string[];
}

/** Errors that every other file would meet as well. */
const HOPELESS: ReadonlySet<AppError["code"]> = new Set(["unavailable", "deadline_exceeded", "unauthenticated", "permission_denied"]);

/**
 * Deploys what was planned, file by file; a file that is refused does not stop the others.
 * Errors: those that would meet every file, such as a server that is not there.
 */
export async function deployFiles(client: ApiClient, planned: readonly PlannedFile[], onFile: (file: DeployedFile) => void): Promise<DeployedFile[]> {
  const deployed: DeployedFile[] = [];
  for (const plan of planned) {
    const file = await deployFile(client, plan);
    deployed.push(file);
    onFile(file);
  }
  return deployed;
}

async function deployFile(client: ApiClient, plan: PlannedFile): Promise<DeployedFile> {
  const { file } = plan;
  if (plan.kind === "skip") return { file, status: "skipped", reason: plan.why };
  if (plan.kind === "problem") return { file, status: "failed", reason: plan.problem };
  const path = plan.kind === "thing" ? plan.item.path : plan.request.path;
  try {
    if (plan.kind === "thing") return { file, status: await deployThing(client, plan.item), path };
    if (plan.kind === "flow") {
      const flow = await client.deployFlow(plan.request);
      return { file, status: flow.created ? "created" : "unchanged", path, hash: flow.hash, ...(flow.ignored.length > 0 && { ignored: flow.ignored }) };
    }
    const script = await client.deploy(plan.request);
    return { file, status: script.created ? "created" : "unchanged", path, hash: script.hash, lock: script.lock_state };
  } catch (error) {
    if (!(error instanceof AppError) || HOPELESS.has(error.code)) throw error;
    const problems = plan.kind === "flow" && error.fields.length > 1 ? { problems: error.fields.map((field) => field.message) } : {};
    return { file, status: "failed", path, reason: error.message, ...(error.hint !== undefined && { hint: error.hint }), ...problems };
  }
}

/** A thing that is as the file says is left alone: its revision does not grow. */
async function deployThing(client: ApiClient, item: SyncItem): Promise<DeployedFile["status"]> {
  const kind = SYNC_KINDS[item.kind];
  const before = await kind.get(client.ask, item.path).catch((error: unknown) => {
    if (error instanceof AppError && error.code === "not_found") return undefined;
    throw error;
  });
  if (before?.item.print === item.print) return "unchanged";
  const { created } = await kind.put(client.ask, item, undefined);
  return created ? "created" : "changed";
}
