import { createHash } from "node:crypto";
import type { Json } from "../../kernel/json.ts";
import { canonicalJson } from "../scripts/content-hash.ts";

/**
 * Identity of one version of a flow: sha256 (lower-case hex) over its path, its document and the YAML that it was written in, if it was. The order of
 * members does not matter. The kind goes in front, so that no script and no flow can have one another's hash.
 */
export function flowHash(path: string, document: Json, yaml: string | undefined): string {
  return createHash("sha256").update("millrace.flow.1\n").update(canonicalJson({ path, document, yaml })).digest("hex");
}
