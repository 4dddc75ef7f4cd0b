import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import type { GroupMemory } from "../sandbox/cgroup/cgroup.ts";
import { removeTree } from "../sandbox/remove-tree.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { ArtifactCache, type ArtifactKey, type HeldArtifact, SHARED_WORKSPACE } from "./artifact-cache.ts";
import { type BuildFolders, type BuildOutcome, runBuild } from "./build-run.ts";
import { RecentAnswers } from "./recent-answers.ts";
import { sealTree } from "./seal-tree.ts";
import { SharedRuns, type Waiter } from "./shared-runs.ts";
import type { Artifact, ArtifactSpec, BuildFailure, BuildStep, CommandOptions, CommandOutcome, Workshop } from "./workshop.ts";

const ARTIFACT_MAX_BYTES = 8 * 1024 * 1024 * 1024;
const ARTIFACT_MAX_ENTRIES = 300_000;
const STDOUT_MAX_BYTES = 4 * 1024 * 1024;
/** Answers of commands that are kept for a while. */
const ANSWERS = 1_000;
const ANSWERS_MAX_CHARS = 32 * 1024 * 1024;
const UNISOLATED = "millrace: this agent has no sandbox: what follows is built without one\n";

export interface WorkshopOptions {
  /** Folder that job users can reach, for cache and builds. */
  readonly dir: string;
  readonly sandbox: Sandbox;
  readonly cacheMaxBytes: number;
  readonly buildEnv: ReadonlyMap<string, string>;
  /** See `Workshop`. */
  readonly mayRunCodeOnline: boolean;
  /** Memory of one build; 0, the default: only what all jobs together may use. */
  readonly buildMemoryBytes?: number;
}

/** The attempt for which a session works. */
export interface SessionOptions extends Waiter {
  readonly workspace: string;
  /** Why no registry may be asked for what the attempt itself wants; see `AttemptIo.unlockedRefusal`. Tools of ours are fetched all the same. */
  readonly unlockedRefusal?: string;
}

/** Its artifacts stay until `release`, which is idempotent, and until every hold is over. */
export interface WorkshopSession extends Workshop {
  release(): void;
  /** Keeps the artifacts for something that outlives the attempt. @returns what ends it; idempotent */
  hold(): () => void;
}

export interface WorkshopStats {
  /** Builds and commands that were started. */
  readonly builds: number;
  readonly cacheHits: number;
  readonly cacheBytes: number;
}

/** The workshop of one agent. */
export class LocalWorkshop {
  readonly #options: WorkshopOptions;
  readonly #cache: ArtifactCache;
  readonly #builds = new SharedRuns<HeldArtifact | BuildFailure>();
  readonly #commands = new SharedRuns<CommandOutcome>();
  readonly #answers = new RecentAnswers<CommandOutcome>(ANSWERS, ANSWERS_MAX_CHARS);
  readonly #running = new Set<GroupMemory>();
  #started = 0;
  #hits = 0;
  #warned = false;

  private constructor(options: WorkshopOptions, cache: ArtifactCache) {
    this.#options = options;
    this.#cache = cache;
  }

  static async open(options: WorkshopOptions): Promise<LocalWorkshop> {
    const cache = await ArtifactCache.open({ dir: options.dir, maxBytes: options.cacheMaxBytes, now: () => performance.timeOrigin + performance.now() });
    return new LocalWorkshop(options, cache);
  }

  stats(): WorkshopStats {
    return { builds: this.#started, cacheHits: this.#hits, cacheBytes: this.#cache.totalBytes };
  }

  /** Memory of the builds that run now, bytes; 0 where it cannot be measured. */
  heldBytes(): number {
    return [...this.#running].reduce((sum, memory) => sum + (memory.usedBytes() ?? 0), 0);
  }

  /** Resolves when artifacts over the limit are gone. */
  settled(): Promise<void> {
    return this.#cache.settled();
  }

  session(options: SessionOptions): WorkshopSession {
    const held: HeldArtifact[] = [];
    let holds = 0;
    const keep = (artifact: HeldArtifact): void => {
      if (holds === 0) artifact.release();
      else held.push(artifact);
    };
    const hold = (): (() => void) => {
      let isOver = false;
      holds += 1;
      return () => {
        if (isOver) return;
        isOver = true;
        holds -= 1;
        if (holds === 0) for (const artifact of held.splice(0)) artifact.release();
      };
    };
    return {
      buildEnv: this.#options.buildEnv,
      mayRunCodeOnline: this.#options.mayRunCodeOnline,
      artifact: (spec) => this.#artifact(spec, options, keep),
      command: (step, how = {}) => this.#command(step, how, options),
      release: hold(),
      hold,
    };
  }

  async #artifact(spec: ArtifactSpec, session: SessionOptions, keep: (artifact: HeldArtifact) => void): Promise<Artifact | BuildFailure> {
    if (spec.shared !== true) checkAllowed(spec.build, session);
    const key: ArtifactKey = { workspace: spec.shared === true ? SHARED_WORKSPACE : session.workspace, abi: spec.abi, inputs: spec.inputs };
    const known = this.#cache.find(key);
    if (known !== undefined) {
      this.#hits += 1;
      keep(known);
      return { kind: "artifact", dir: known.dir, fromCache: true };
    }
    const built = await this.#builds.join(JSON.stringify([key.workspace, key.abi, key.inputs]), session, (shared) => this.#build(key, spec.build, shared));
    if ("kind" in built) return built;
    const mine = this.#cache.find(key);
    if (mine === undefined) throw new AppError("internal", "an artifact went away before it was used");
    keep(mine);
    return { kind: "artifact", dir: mine.dir, fromCache: false };
  }

  async #build(key: ArtifactKey, step: BuildStep, shared: Waiter): Promise<HeldArtifact | BuildFailure> {
    const built = await this.#inStaging<HeldArtifact | BuildFailure>(async (folders) => {
      const outcome = await this.#run(folders, step, shared, 0);
      if (outcome.code !== 0) return { kind: "failed", output: outcome.tail, code: outcome.code };
      const sealed = await sealTree(folders.out, { maxBytes: ARTIFACT_MAX_BYTES, maxEntries: ARTIFACT_MAX_ENTRIES });
      if (sealed.kind === "fault") return { kind: "failed", output: `the build made something that is not accepted: ${sealed.message}\n`, code: 1 };
      const { sizeBytes, entries, manifestSha256 } = sealed;
      return await this.#cache.publish(key, folders.out, { sizeBytes, entries, manifestSha256 });
    });
    // After everybody who waits has taken it.
    if (!("kind" in built)) setImmediate(() => built.release());
    return built;
  }

  async #command(step: BuildStep, how: CommandOptions, session: SessionOptions): Promise<CommandOutcome> {
    checkAllowed(step, session);
    const rememberMs = how.rememberMs ?? 0;
    const files = step.files.map((file) => [file.name, hashOf(file.content)]);
    const key = JSON.stringify([session.workspace, step.network, step.argv, [...step.env], files, step.mounts]);
    if (rememberMs > 0) {
      const known = this.#answers.find(key);
      if (known !== undefined) return known;
    }
    const outcome = await this.#commands.join(key, session, (shared) => this.#ask(step, shared));
    if (rememberMs > 0 && outcome.code === 0) this.#answers.keep(key, outcome, { forMs: rememberMs, chars: outcome.stdout.length + outcome.stderr.length });
    return outcome;
  }

  async #ask(step: BuildStep, shared: Waiter): Promise<CommandOutcome> {
    const { code, stdout, tail } = await this.#inStaging((folders) => this.#run(folders, step, shared, STDOUT_MAX_BYTES));
    return { code, stdout, stderr: tail };
  }

  async #run(folders: BuildFolders, step: BuildStep, shared: Waiter, stdoutMaxBytes: number): Promise<BuildOutcome> {
    const { sandbox, buildEnv, buildMemoryBytes: memoryBytes = 0 } = this.#options;
    this.#started += 1;
    if (sandbox.kind === "unsandboxed" && !this.#warned) {
      this.#warned = true;
      await shared.say(Buffer.from(UNISOLATED));
    }
    // Temporary files count twice as much as what is kept: a package is there packed and unpacked.
    const caps = { maxBytes: 2 * ARTIFACT_MAX_BYTES, maxEntries: 2 * ARTIFACT_MAX_ENTRIES };
    return await runBuild({ sandbox, buildEnv, folders, stdoutMaxBytes, memoryBytes, running: this.#running, ...caps }, step, shared);
  }

  async #inStaging<T>(work: (folders: BuildFolders) => Promise<T>): Promise<T> {
    const staging = this.#cache.makeStaging();
    const folders: BuildFolders = { staging, out: join(staging, "out"), tmp: join(staging, "tmp") };
    try {
      for (const dir of [folders.out, folders.tmp]) mkdirSync(dir, { mode: 0o700 });
      return await work(folders);
    } finally {
      // What cannot be removed now is removed at the next start.
      await removeTree(staging).catch(() => undefined);
    }
  }
}

/** Also when the answer is in the cache: what may be used does not depend on what others have fetched. @throws permission_denied */
function checkAllowed({ network }: BuildStep, { unlockedRefusal }: SessionOptions): void {
  if (network && unlockedRefusal !== undefined) throw new AppError("permission_denied", unlockedRefusal);
}

function hashOf(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("base64");
}
