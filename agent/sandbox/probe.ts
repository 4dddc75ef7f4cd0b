import { DEFAULT_RLIMITS, type ReadOnlyMount, type Sandbox, type SandboxEnd, type SandboxSpec } from "./sandbox.ts";

export interface ProbeResult {
  readonly end: SandboxEnd;
  /** The first kilobytes of what was printed. */
  readonly stdout: string;
  readonly stderr: string;
}

const PROBE_TIMEOUT_MS = 15_000;
const KEPT_BYTES = 16 * 1024;

/** Runs a short command of our own in a throw-away sandbox without job files and without network. */
export async function probe(
  sandbox: Sandbox,
  argv: readonly string[],
  mounts: readonly ReadOnlyMount[] = [],
  bounds: Partial<Pick<SandboxSpec, "limits" | "tmpBytes">> = {},
): Promise<ProbeResult> {
  const printed = ["", ""];
  const place = sandbox.place();
  try {
    const running = await place.start(
      {
        argv,
        env: new Map([
          ["PATH", "/usr/local/bin:/usr/bin:/bin"],
          ["HOME", place.paths.tmp],
        ]),
        files: [],
        mounts,
        network: sandbox.kind === "unsandboxed" ? "full" : "none",
        tmpBytes: 16 * 1024 * 1024,
        rlimits: DEFAULT_RLIMITS,
        recordMaxBytes: 0,
        ...bounds,
      },
      {
        onBegun: () => undefined,
        onOutput: (stream, data) => {
          const before = printed[stream] ?? "";
          if (before.length < KEPT_BYTES) printed[stream] = before + data.toString("utf8");
          return undefined;
        },
      },
    );
    const timer = setTimeout(() => running.kill(), PROBE_TIMEOUT_MS);
    const end = await running.done;
    clearTimeout(timer);
    return { end, stdout: printed[0] ?? "", stderr: printed[1] ?? "" };
  } finally {
    await place.discard();
  }
}
