import { createHash, randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, renameSync } from "node:fs";
import { chmod, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { removeTree } from "../sandbox/remove-tree.ts";

/** Beside the tree of an artifact, written before it is published. Its modification time is the last use. */
const CARD = "artifact.json";
const TREE = "tree";
/** However small they are: each takes memory of the agent and a few files. */
const MAX_ARTIFACTS = 20_000;
/** A use within this time of the last one is not written down. */
const USE_NOTED_EVERY_MS = 60_000;
/** Job users must pass through, and not list. */
const PASS_THROUGH = 0o711;

const FOLDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,150}$/;

/** Stands for all workspaces; none can have this name. */
export const SHARED_WORKSPACE = "_shared";

export interface ArtifactKey {
  readonly workspace: string;
  readonly abi: string;
  readonly inputs: readonly string[];
}

/** What is written down about an artifact. */
export interface ArtifactCard {
  readonly sizeBytes: number;
  readonly entries: number;
  readonly manifestSha256: string;
}

interface Entry {
  readonly dir: string;
  readonly sizeBytes: number;
  lastUsedMs: number;
  notedMs: number;
  /** Attempts that use it. */
  holds: number;
}

/** An artifact that stays until `release`. */
export interface HeldArtifact {
  readonly dir: string;
  /** Idempotent. */
  release(): void;
}

export interface CacheOptions {
  /** Folder that job users can reach. Of one agent alone. */
  readonly dir: string;
  readonly maxBytes: number;
  /** Default 20,000. */
  readonly maxArtifacts?: number;
  /** Milliseconds since the epoch, in fractions: two uses shall not be at the same time. */
  now(): number;
}

/**
 * Finished artifacts in `<dir>/cache/<workspace>/<abi>/<sha256 of the inputs>`, each moved there in one step from `<dir>/staging`.
 * What is over the limits of size and number goes, least recently used first, never while an attempt holds it.
 */
export class ArtifactCache {
  readonly #root: string;
  readonly #stagingRoot: string;
  readonly #maxBytes: number;
  readonly #maxArtifacts: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #totalBytes = 0;
  #evicting: Promise<void> = Promise.resolve();

  private constructor(options: CacheOptions) {
    this.#root = join(options.dir, "cache");
    this.#stagingRoot = join(options.dir, "staging");
    this.#maxBytes = options.maxBytes;
    this.#maxArtifacts = options.maxArtifacts ?? MAX_ARTIFACTS;
    this.#now = options.now;
  }

  /** Removes what builds of an earlier run have left half-done, and reads what there is. */
  static async open(options: CacheOptions): Promise<ArtifactCache> {
    const cache = new ArtifactCache(options);
    for (const dir of [cache.#root, cache.#stagingRoot]) makeFolder(dir);
    // What resists takes room, but is no reason not to work.
    for (const left of await readdir(cache.#stagingRoot)) await removeTree(join(cache.#stagingRoot, left)).catch(() => undefined);
    await cache.#load();
    cache.#evict();
    return cache;
  }

  /** Bytes of all artifacts. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  find(key: ArtifactKey): HeldArtifact | undefined {
    const entry = this.#entries.get(this.#pathOf(key));
    return entry === undefined ? undefined : this.#hold(entry);
  }

  /** A folder for a build; job users can reach what is in it. Whoever made it removes it. */
  makeStaging(): string {
    const dir = join(this.#stagingRoot, randomUUID());
    makeFolder(dir);
    return dir;
  }

  /** Takes over a sealed tree, which must lie in a staging folder. From now on `find` finds it. */
  async publish(key: ArtifactKey, tree: string, card: ArtifactCard): Promise<HeldArtifact> {
    const path = this.#pathOf(key);
    const known = this.#entries.get(path);
    if (known !== undefined) return this.#hold(known, false);
    const parcel = this.makeStaging();
    try {
      // Who is not root may not move a folder that he may not write.
      await chmod(tree, 0o755);
      await rename(tree, join(parcel, TREE));
      await chmod(join(parcel, TREE), 0o555);
      await writeFile(join(parcel, CARD), JSON.stringify(card));
      for (const dir of [join(this.#root, folderOf(key.workspace)), join(this.#root, folderOf(key.workspace), key.abi)]) makeFolder(dir);
      return this.#hold(this.#entries.get(path) ?? this.#enter(path, parcel, card), false);
    } finally {
      // There still when another build of the same was first, or something went wrong.
      await removeTree(parcel).catch(() => undefined);
      this.#evict();
    }
  }

  /** In one turn of the event loop with the look whether it is there: a build that everybody gave up on may still be putting the same away. */
  #enter(path: string, parcel: string, card: ArtifactCard): Entry {
    renameSync(parcel, path);
    const entry: Entry = { dir: path, sizeBytes: card.sizeBytes, lastUsedMs: this.#now(), notedMs: this.#now(), holds: 0 };
    this.#entries.set(path, entry);
    this.#totalBytes += card.sizeBytes;
    return entry;
  }

  /** Resolves when what was to go is gone. */
  settled(): Promise<void> {
    return this.#evicting;
  }

  /** @param isUse false for the build itself, which lets go when others may have used something else since */
  #hold(entry: Entry, isUse = true): HeldArtifact {
    entry.holds += 1;
    if (isUse) this.#used(entry);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      entry.holds -= 1;
      if (isUse) this.#used(entry);
      this.#evict();
    };
    return { dir: join(entry.dir, TREE), release };
  }

  #used(entry: Entry): void {
    entry.lastUsedMs = this.#now();
    if (entry.lastUsedMs - entry.notedMs < USE_NOTED_EVERY_MS) return;
    entry.notedMs = entry.lastUsedMs;
    const at = new Date(entry.lastUsedMs);
    // One that has just gone needs no date; a wrong date costs a build at worst.
    utimes(join(entry.dir, CARD), at, at).catch(() => undefined);
  }

  /** Of the artifacts that nobody holds the least recently used ones go, until the rest fits. */
  #evict(): void {
    if (this.#fits()) return;
    const idle = [...this.#entries.values()].filter((entry) => entry.holds === 0).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const entry of idle) {
      if (this.#fits()) break;
      this.#entries.delete(entry.dir);
      this.#totalBytes -= entry.sizeBytes;
      const aside = this.#setAside(entry.dir);
      // What is left is swept at the next start.
      if (aside !== undefined) this.#evicting = this.#evicting.then(() => removeTree(aside)).catch(() => undefined);
    }
  }

  #fits(): boolean {
    return this.#totalBytes <= this.#maxBytes && this.#entries.size <= this.#maxArtifacts;
  }

  /** In one step, so that a crash leaves nothing that looks whole; and at once, since the same may be built again while much is being removed. */
  #setAside(dir: string): string | undefined {
    const aside = join(this.#stagingRoot, `gone-${randomUUID()}`);
    try {
      renameSync(dir, aside);
      return aside;
    } catch {
      // It is found again at the next start.
      return undefined;
    }
  }

  async #load(): Promise<void> {
    for (const workspace of await readdir(this.#root)) {
      for (const abi of await readdir(join(this.#root, workspace))) {
        for (const name of await readdir(join(this.#root, workspace, abi))) await this.#loadEntry(join(this.#root, workspace, abi, name));
      }
    }
  }

  async #loadEntry(dir: string): Promise<void> {
    try {
      const { mtimeMs } = await stat(join(dir, CARD));
      const sizeBytes = sizeIn(await readFile(join(dir, CARD), "utf8"));
      await stat(join(dir, TREE));
      this.#entries.set(dir, { dir, sizeBytes, lastUsedMs: mtimeMs, notedMs: mtimeMs, holds: 0 });
      this.#totalBytes += sizeBytes;
    } catch {
      const aside = this.#setAside(dir);
      if (aside !== undefined) await removeTree(aside).catch(() => undefined);
    }
  }

  #pathOf(key: ArtifactKey): string {
    if (!FOLDER_NAME.test(key.abi)) throw new AppError("internal", `${JSON.stringify(key.abi)} is not a name for a kind of artifact`);
    const hash = createHash("sha256");
    for (const input of key.inputs) hash.update(`${Buffer.byteLength(input)}:`).update(input);
    const path = join(this.#root, folderOf(key.workspace), key.abi, hash.digest("hex"));
    if (relative(this.#root, path).split("/").length !== 3) throw new AppError("internal", "an artifact must lie in the cache");
    return path;
  }
}

/** Names of workspaces that are no plain folder names get one. */
function folderOf(workspace: string): string {
  return workspace === SHARED_WORKSPACE || FOLDER_NAME.test(workspace) ? workspace : `_${createHash("sha256").update(workspace).digest("hex")}`;
}

function makeFolder(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: PASS_THROUGH });
  // Whatever the umask is.
  chmodSync(dir, PASS_THROUGH);
}

/** @throws when the card is not one of ours */
function sizeIn(text: string): number {
  const card: unknown = JSON.parse(text);
  if (typeof card !== "object" || card === null || !("sizeBytes" in card) || typeof card.sizeBytes !== "number" || !(card.sizeBytes >= 0)) {
    throw new AppError("internal", "not the card of an artifact");
  }
  return card.sizeBytes;
}
