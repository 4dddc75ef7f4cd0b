import type { ReadOnlyMount } from "../sandbox/sandbox.ts";
import { BUILD_JOB, BUILD_OUT, BUILD_TMP } from "./workshop.ts";

/** Where the folders of a build really are. */
export interface RealFolders {
  readonly job: string;
  readonly out: string;
  readonly tmp: string;
}

/** A path of the inside at the beginning of a word: `-o=/out/x`, `"/job/main.go"`, but not `/usr/out`. */
const INSIDE_PATH = /(?<![\w./~-])\/(?:job|out|tmp)(?![\w.-])/g;

/**
 * Without a sandbox a build's folders are where they are. This puts the real paths in the place of the inside ones before a command
 * starts, and the other way round in what people see. With a sandbox nothing changes.
 */
export class InsideView {
  readonly #folders: RealFolders | undefined;
  readonly #hostPaths: readonly string[];

  constructor(folders: RealFolders | undefined, mounts: readonly ReadOnlyMount[]) {
    this.#folders = folders;
    this.#hostPaths = mounts.map((mount) => mount.source);
  }

  toHost(text: string): string {
    const folders = this.#folders;
    if (folders === undefined) return text;
    const real = new Map([
      [BUILD_JOB, folders.job],
      [BUILD_OUT, folders.out],
      [BUILD_TMP, folders.tmp],
    ]);
    // A toolchain may lie below the host's /tmp.
    return text.replace(INSIDE_PATH, (path, at: number) => (this.#hostPaths.some((host) => text.startsWith(host, at)) ? path : (real.get(path) ?? path)));
  }

  /** Of one piece of output; a path that two pieces share stays as it is. */
  toInside(data: Buffer): Buffer {
    const folders = this.#folders;
    if (folders === undefined) return data;
    // The temporary folder lies in the job's.
    return Buffer.from(
      data.toString("latin1").replaceAll(folders.tmp, BUILD_TMP).replaceAll(folders.job, BUILD_JOB).replaceAll(folders.out, BUILD_OUT),
      "latin1",
    );
  }
}
