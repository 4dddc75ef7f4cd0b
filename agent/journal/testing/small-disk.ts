/** Support for tests of full disks. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BLOCKS_BYTES = [64 * 1024, 4096];

/** A disk of its own that is soon full: a tmpfs, which only root may mount. */
export class SmallDisk {
  readonly folder: string;
  readonly #filler: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#filler = join(folder, "filler");
  }

  /** Errors: that of `mount`, where it is not allowed. */
  static mount(sizeBytes: number, files = 10_000): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes},nr_inodes=${files},mode=755`, "tmpfs", folder], { stdio: "pipe" });
    } catch (error) {
      rmdirSync(folder);
      throw error;
    }
    return new SmallDisk(folder);
  }

  /** Takes all the room that is left. */
  fill(): void {
    const fd = openSync(this.#filler, "a");
    try {
      for (const size of BLOCKS_BYTES) writeUntilFull(fd, Buffer.alloc(size));
    } finally {
      closeSync(fd);
    }
  }

  /** Gives back what `fill` took. */
  relieve(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    execFileSync("umount", ["--lazy", this.folder], { stdio: "pipe" });
    rmdirSync(this.folder);
  }
}

function writeUntilFull(fd: number, block: Buffer): void {
  try {
    while (writeSync(fd, block) === block.length);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

/** Whether disks can be mounted here. */
export function canMount(): boolean {
  try {
    SmallDisk.mount(4096).unmount();
    return true;
  } catch {
    return false;
  }
}
