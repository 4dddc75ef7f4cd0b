/** Since when and by whom a script or a flow is archived: it keeps its versions and history, is not listed, and does not run. */
export interface Archived {
  readonly atMs: number;
  readonly by: string;
}

/** What holds for all versions of a script or a flow: they keep the path that they were deployed at, and may be used where it is now. */
export interface Standing {
  readonly path: string;
  readonly isArchived: boolean;
}

/** Columns of `script` and `flow`. */
export interface ArchivedRow {
  archived_at: Date | null;
  archived_by: string | null;
}

export function archivedOf(row: ArchivedRow): Archived | undefined {
  return row.archived_at === null ? undefined : { atMs: row.archived_at.getTime(), by: row.archived_by ?? "" };
}

/** As the API shows it; nothing for what is in use. */
export function presentArchived(archived: Archived | undefined): { archived_at?: string; archived_by?: string } {
  return archived === undefined ? {} : { archived_at: new Date(archived.atMs).toISOString(), archived_by: archived.by };
}
