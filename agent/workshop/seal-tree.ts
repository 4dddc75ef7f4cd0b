import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, lchown, lstat, readdir, readFile, readlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { pipeline } from "node:stream/promises";

export interface TreeCaps {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export type SealedTree =
  | {
      readonly kind: "sealed";
      readonly sizeBytes: number;
      readonly entries: number;
      /** Of a list with the kind, mode, size, content and place of everything, in order. Lower-case hex. */
      readonly manifestSha256: string;
    }
  /** Something that no artifact may hold, in words for people. */
  | { readonly kind: "fault"; readonly message: string };

class TreeFault extends Error {}

const SPECIAL_BITS = 0o7000;
const ANY_EXECUTE = 0o111;
const READ_AT_ONCE_BYTES = 256 * 1024;
/** Files looked at together; the thread pool has four threads. */
const TOGETHER = 8;

interface Walk {
  readonly caps: TreeCaps;
  readonly root: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly manifest: Hash;
  /** Names seen of each file that has several: all must be in the tree. */
  readonly linked: Map<bigint, { seen: number; readonly names: number; readonly path: string }>;
  bytes: number;
  entries: number;
}

/**
 * Looks at what a build has left behind, takes it over (owner: the agent) and makes it read-only. To be called when no process of
 * the build is alive: nobody may change the tree meanwhile. Never follows a link.
 * Refused are devices, pipes and sockets, set-uid and set-gid files, links that lead out of the tree, files with names
 * outside of it, and trees over the caps.
 */
export async function sealTree(root: string, caps: TreeCaps): Promise<SealedTree> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: 0, gid: 0 } : undefined;
  const walk: Walk = { caps, root, owner, manifest: createHash("sha256"), linked: new Map(), bytes: 0, entries: 0 };
  try {
    await sealFolder(walk, "", 0);
    for (const { seen, names, path } of walk.linked.values()) {
      if (seen !== names) throw new TreeFault(`${shown(path)} is also linked from outside`);
    }
    return { kind: "sealed", sizeBytes: walk.bytes, entries: walk.entries, manifestSha256: walk.manifest.digest("hex") };
  } catch (error) {
    if (error instanceof TreeFault) return { kind: "fault", message: error.message };
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return { kind: "fault", message: "a file has a name that is not UTF-8" };
    if (code === "ENAMETOOLONG") return { kind: "fault", message: "its folders are nested too deeply" };
    throw error;
  }
}

/** Deeper than any package, and as deep as paths of 4 KiB reach in sensible names. */
const MAX_DEPTH = 100;

async function sealFolder(walk: Walk, folder: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw new TreeFault(`${shown(folder)} is nested too deeply`);
  const path = join(walk.root, folder);
  if (walk.owner !== undefined) await lchown(path, walk.owner.uid, walk.owner.gid);
  await chmod(path, 0o700);
  const found = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  walk.entries += found.length;
  if (walk.entries > walk.caps.maxEntries) throw new TreeFault(`more than ${walk.caps.maxEntries} files`);
  const folders = found.filter((entry) => entry.isDirectory());
  const others = found.filter((entry) => !entry.isDirectory());
  for (let at = 0; at < others.length; at += TOGETHER) {
    const lines = await Promise.all(others.slice(at, at + TOGETHER).map((entry) => sealOther(walk, join(folder, entry.name))));
    for (const line of lines) walk.manifest.update(line);
  }
  for (const entry of folders) {
    walk.manifest.update(`d ${JSON.stringify(join(folder, entry.name))}\n`);
    await sealFolder(walk, join(folder, entry.name), depth + 1);
  }
  await chmod(path, 0o555);
}

/** @returns its line of the manifest */
async function sealOther(walk: Walk, name: string): Promise<string> {
  const path = join(walk.root, name);
  const stat = await lstat(path, { bigint: true });
  if (stat.isSymbolicLink()) {
    const target = await readlink(path);
    if (leadsOut(name, target)) throw new TreeFault(`the link ${shown(name)} leads out of the artifact, to ${JSON.stringify(target.slice(0, 200))}`);
    if (walk.owner !== undefined) await lchown(path, walk.owner.uid, walk.owner.gid);
    return `l ${JSON.stringify(name)} ${JSON.stringify(target)}\n`;
  }
  if (!stat.isFile()) throw new TreeFault(`${shown(name)} is neither file nor folder`);
  const mode = Number(stat.mode);
  if ((mode & SPECIAL_BITS) !== 0) throw new TreeFault(`${shown(name)} is set-uid, set-gid or sticky`);
  const size = Number(stat.size);
  walk.bytes += size;
  if (walk.bytes > walk.caps.maxBytes) throw new TreeFault(`larger than ${Math.floor(walk.caps.maxBytes / 1024 / 1024)} MiB`);
  if (stat.nlink > 1n) countName(walk, stat.ino, Number(stat.nlink), name);
  if (walk.owner !== undefined) await lchown(path, walk.owner.uid, walk.owner.gid);
  const sealed = (mode & ANY_EXECUTE) === 0 ? 0o444 : 0o555;
  await chmod(path, sealed);
  return `f ${JSON.stringify(name)} ${sealed.toString(8)} ${size} ${await contentHash(path, size)}\n`;
}

function countName(walk: Walk, inode: bigint, names: number, path: string): void {
  const known = walk.linked.get(inode);
  if (known === undefined) walk.linked.set(inode, { seen: 1, names, path });
  else known.seen += 1;
}

/**
 * Whether a relative link could end outside. Only a target that first goes up and then down is judged by its words: in `a/../b` the
 * `a` may be a link itself, and `..` would go up from wherever that leads.
 */
function leadsOut(name: string, target: string): boolean {
  if (isAbsolute(target)) return true;
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const up = steps.findIndex((step) => step !== "..");
  const ups = up === -1 ? steps.length : up;
  return steps.slice(ups).includes("..") || ups > name.split("/").length - 1;
}

async function contentHash(path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  if (size <= READ_AT_ONCE_BYTES) hash.update(await readFile(path));
  else await pipeline(createReadStream(path, { highWaterMark: READ_AT_ONCE_BYTES }), hash);
  return hash.digest("hex");
}

/** As the build saw it. */
function shown(name: string): string {
  return JSON.stringify(`/out/${name}`.slice(0, 300));
}
