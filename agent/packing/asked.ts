import { createHash } from "node:crypto";
import { NOOP_LANGUAGE } from "../../kernel/languages.ts";
import { type Bundle, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type HelperKind, QUERY_KINDS } from "../runtimes/query/messages-codec.ts";
import type { Demand } from "./demand.ts";

const MB = 1024 * 1024;

/** What a bundle says of its needs. */
export interface Asked {
  /** Names the script in the profiles; undefined when nothing can be learned of it. */
  readonly script: string | undefined;
  readonly declared: Partial<Demand>;
  /** Its limit may be moved while it runs. */
  readonly mayBorrow: boolean;
  /** It runs in a group of its own, whose memory counts as its own. */
  readonly hasGroup: boolean;
}

/** Helpers count by what they have (`HostRoom.heldBytes`); this is for what a query takes beside that. */
const QUERIES: Readonly<Record<HelperKind, Demand>> = {
  network: { memoryBytes: 16 * MB, cpuMillis: 100 },
  sqlite: { memoryBytes: 256 * MB, cpuMillis: 1_000 },
  duckdb: { memoryBytes: 512 * MB, cpuMillis: 1_000 },
};
const KIND_BY_LANGUAGE: ReadonlyMap<string, HelperKind> = new Map(Object.entries(QUERY_KINDS));
const NOOP: Demand = { memoryBytes: MB, cpuMillis: 20 };
/** A dedicated process outlives its job and may not grow beyond this, see `dedicated-pool.ts`. */
const DEDICATED_BYTES = 512 * MB;

export function askedBy(bundle: Bundle): Asked {
  const inAgent = inAgentOf(bundle.language);
  if (inAgent !== undefined) return { script: undefined, declared: inAgent, mayBorrow: false, hasGroup: false };
  const { memoryBytes = 0, cpuMillis = 0, dedicated = false } = bundle.requirements ?? {};
  const keptBytes = memoryBytes === 0 && dedicated ? DEDICATED_BYTES : memoryBytes;
  const declared = { ...(keptBytes > 0 && { memoryBytes: keptBytes }), ...(cpuMillis > 0 && { cpuMillis }) };
  // A lock is found by tools of ours, and in a dedicated process nobody can tell the jobs apart.
  const isMeasured = bundle.purpose === Purpose.PURPOSE_UNSPECIFIED && !dedicated;
  return { script: isMeasured ? scriptOf(bundle) : undefined, declared, mayBorrow: keptBytes === 0, hasGroup: true };
}

function scriptOf({ workspace, language, code, codeHash }: Bundle): string {
  const hash = codeHash === "" ? createHash("sha256").update(`${language}\n${code}`).digest("hex") : codeHash;
  return `${workspace} ${hash}`;
}

function inAgentOf(language: string): Demand | undefined {
  if (language === NOOP_LANGUAGE) return NOOP;
  const kind = KIND_BY_LANGUAGE.get(language);
  return kind === undefined ? undefined : QUERIES[kind];
}
