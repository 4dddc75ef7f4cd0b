/**
 * Where runtimes get what a script needs before it can run: installed dependencies and compiled programs. Each is an *artifact*: a folder in
 * a cache of the agent, named by the hash of everything that determines its content, that scripts see read-only. It is made in a sandbox of
 * its own (network, no secrets, no arguments of a job), checked, and moved into the cache in one step.
 */
import type { JobFile, ReadOnlyMount } from "../sandbox/sandbox.ts";

/** One command in the workshop's sandbox. It sees its files read-only in `BUILD_JOB` and writes the artifact into `BUILD_OUT`. */
export interface BuildStep {
  readonly files: readonly JobFile[];
  /** Constants only; nothing from the tenant. Without a sandbox the three folders below are elsewhere: their paths here and in `env` are replaced. */
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly ReadOnlyMount[];
  /** Whether package registries may be asked; with it come `buildEnv` and the system's authorities. Without it a build has no network at all. */
  readonly network: boolean;
  readonly timeoutMs: number;
}

/** Where a build step sees its files, the folder that becomes the artifact, and a writable folder that is thrown away. */
export const BUILD_JOB = "/job";
export const BUILD_OUT = "/out";
export const BUILD_TMP = "/tmp";

export interface ArtifactSpec {
  /** Runtime, version and machine, for instance `python3-3.11.2-linux-x64`: a plain folder name. */
  readonly abi: string;
  /** Everything else that determines the content, such as the lock or the code. */
  readonly inputs: readonly string[];
  readonly build: BuildStep;
  /** Tools of ours: made of constants and the same for every workspace. Never for anything that a tenant has a say in. Default false. */
  readonly shared?: boolean;
}

export interface Artifact {
  readonly kind: "artifact";
  /** On the host; to be mounted read-only. Stays until the attempt is over. */
  readonly dir: string;
  readonly fromCache: boolean;
}

/** The build ended with an error of the script's own: it does not compile, a package does not exist. */
export interface BuildFailure {
  readonly kind: "failed";
  /** The last lines of what the command said, at most 4 KiB. */
  readonly output: string;
  readonly code: number;
}

/** A command whose output is the wanted thing, such as a resolver that prints a lockfile. Nothing is kept of it. */
export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  /** The end of it, at most 4 KiB. */
  readonly stderr: string;
}

export interface CommandOptions {
  /** An answer with code 0 counts for the same workspace and step for so long. Default 0: asked anew each time. */
  readonly rememberMs?: number;
}

/** The workshop as one attempt sees it: bound to its workspace, its log and its end. */
export interface Workshop {
  /**
   * Finds the artifact in the workspace's part of the cache or builds it; builds of the same artifact are shared. What the build says goes into
   * the job's log. Rejects with AppError: `cancelled` when the attempt was stopped meanwhile, `permission_denied` when it would take a registry that the
   * attempt may not ask, `internal` when no sandbox could be made.
   */
  artifact(spec: ArtifactSpec): Promise<Artifact | BuildFailure>;
  /**
   * Runs a command as a build step is run, and keeps what it prints on stdout (at most 4 MiB). Its stderr goes into the job's log. The same
   * command that is under way already is shared. Rejects like `artifact`.
   */
  command(step: BuildStep, options?: CommandOptions): Promise<CommandOutcome>;
  /** Private registries and the like, as the operator of the agent set them (`MILLRACE_BUILD_ENV_*`): for builds only. */
  readonly buildEnv: ReadonlyMap<string, string>;
  /**
   * Whether a step with network may run code that the tenant or a package has brought, such as the build script of a source package. Only where
   * scripts have the network of the agent anyway: elsewhere it would be a way around that. Fetch with network and build without it instead.
   */
  readonly mayRunCodeOnline: boolean;
}
