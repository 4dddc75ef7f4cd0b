import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { JobFile, ReadOnlyMount } from "../../sandbox/sandbox.ts";
import type { Artifact, BuildFailure } from "../../workshop/workshop.ts";
import { refuseBuild, refuseSyntax } from "../refusal.ts";
import type { Refusal } from "../runtime.ts";

/** Up to here a program is written into the job's folder, which takes less time than making a sandbox that has it mounted. */
const JOB_FILE_MAX_BYTES = 16 * 1024 * 1024;

export interface PlacedProgram {
  readonly files: readonly JobFile[];
  readonly mounts: readonly ReadOnlyMount[];
  /** As the script sees it. */
  readonly path: string;
}

export interface PlaceWishes {
  /** Name in the artifact and in the job folder. */
  readonly name: string;
  readonly executable: boolean;
  /** Where the artifact is mounted if the program is large. */
  readonly target: string;
  readonly jobDir: string;
  pathOf(mount: ReadOnlyMount): string;
}

/**
 * Puts a program of an artifact where its script can run it: as a file of the job, so that it fits into sandboxes that were made before
 * the job was known; a large one is mounted.
 */
export async function placeProgram(artifact: Artifact, wishes: PlaceWishes): Promise<PlacedProgram> {
  const source = join(artifact.dir, wishes.name);
  if ((await stat(source)).size > JOB_FILE_MAX_BYTES) {
    const mount = { source: artifact.dir, target: wishes.target };
    return { files: [], mounts: [mount], path: join(wishes.pathOf(mount), wishes.name) };
  }
  const file: JobFile = { name: wishes.name, content: await readFile(source), ...(wishes.executable ? { executable: true } : {}) };
  return { files: [file], mounts: [], path: `${wishes.jobDir}/${wishes.name}` };
}

export interface SourceFile {
  /** What the compiler calls it. */
  readonly name: string;
  /** Lines of the tenant's own; what comes after was added. */
  readonly lines: number;
  /** Characters that were put before the first line. */
  readonly shift?: number;
}

/** A line of a compiler about the script's own file: `main.go:3:9: …`. */
const COMPLAINT = /^(?:[\w./-]*\/)?([A-Za-z]+\.[a-z]+):([0-9]+):(?:([0-9]+):)? ?(?:error(?:\[[A-Z0-9]+\])?: )?(.*)$/;

/** A program that could not be built: the script's own fault with its line, or what the tool said. */
export function refuseProgram(failure: BuildFailure, source: SourceFile, code: string): Refusal {
  for (const text of failure.output.split("\n")) {
    const [, file, line = "0", column = "0", message = ""] = COMPLAINT.exec(text) ?? [];
    if (file !== source.name || message.startsWith("warning")) continue;
    return refuseSyntax(placeOf(message, Number(line), Number(column), source, code));
  }
  return refuseBuild("BuildError", `the script could not be built (exit code ${failure.code})`, failure.output);
}

function placeOf(message: string, line: number, column: number, source: SourceFile, code: string): Parameters<typeof refuseSyntax>[0] {
  // What is wrong with a line that was added is wrong with the script as a whole.
  if (line === 0 || line > source.lines) return { message, line: 0 };
  const at = line === 1 ? column - (source.shift ?? 0) : column;
  const text = code.split(/\r?\n/, line)[line - 1] ?? "";
  return { message, line, ...(at > 0 ? { column: at } : {}), text };
}

export function countLines(code: string): number {
  return code.split("\n").length - (code.endsWith("\n") ? 1 : 0);
}
