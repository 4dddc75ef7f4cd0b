import type { WorkspaceId } from "../../kernel/ids.ts";
import type { ListedSecret, SealedSecrets } from "./sealed-secrets.ts";

/** Secrets of triggers, or of hooks: each has some, by which it knows who calls, or is known. */
export interface OwnedSecrets {
  /** Errors: not_found. */
  secrets(workspace: WorkspaceId, path: string): Promise<ListedSecret[]>;
  /** @param text undefined: a new one is made. Errors: not_found, invalid_argument, failed_precondition, resource_exhausted. */
  addSecret(
    workspace: WorkspaceId,
    path: string,
    text: string | undefined,
    by: string,
    othersForS: number | undefined,
  ): Promise<{ secret: string; listed: ListedSecret }>;
  /** Errors: not_found. */
  removeSecret(workspace: WorkspaceId, path: string, id: string, by: string): Promise<void>;
}

interface Owners<Owner> {
  readonly kind: "trigger" | "hook";
  /** Errors: not_found. */
  get(workspace: WorkspaceId, path: string): Promise<Owner>;
  make(owner: Owner): string;
  /** Errors: invalid_argument, failed_precondition for what is no secret of this owner. */
  check(owner: Owner, secret: string): void;
  changed(workspace: WorkspaceId, path: string): void;
}

export function createOwnedSecrets<Owner>(sealed: SealedSecrets, { kind, get, make, check, changed }: Owners<Owner>): OwnedSecrets {
  return {
    async secrets(workspace, path) {
      await get(workspace, path);
      return sealed.list(workspace, `${kind}:${path}`);
    },
    async addSecret(workspace, path, text, by, othersForS) {
      const owner = await get(workspace, path);
      const secret = text ?? make(owner);
      check(owner, secret);
      const listed = await sealed.add(workspace, `${kind}:${path}`, secret, by, othersForS);
      changed(workspace, path);
      return { secret, listed };
    },
    async removeSecret(workspace, path, id, by) {
      await get(workspace, path);
      await sealed.remove(workspace, `${kind}:${path}`, id, by);
      changed(workspace, path);
    },
  };
}
