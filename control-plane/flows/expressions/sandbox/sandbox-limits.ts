/** What one evaluation in the sandbox may use. */
export interface SandboxLimits {
  /** Processor time of the expression itself. */
  readonly cpuMs: number;
  /** Wall time after which the thread is asked what it used, and ended if it does not answer. */
  readonly wallMs: number;
  /** Wall time after which the thread is ended even if it had no processor to run on. */
  readonly starvedMs: number;
  readonly memoryBytes: number;
  /** From 192 KB on deep recursion overflows the stack of the WebAssembly machine itself, which ends it. */
  readonly stackBytes: number;
  /** JSON of all that it reads. */
  readonly contextChars: number;
  /** JSON of its value. */
  readonly valueChars: number;
  readonly valueDepth: number;
}

export const SANDBOX_LIMITS: SandboxLimits = {
  cpuMs: 100,
  wallMs: 400,
  starvedMs: 30_000,
  memoryBytes: 64 * 1024 * 1024,
  stackBytes: 128 * 1024,
  contextChars: 4 * 1024 * 1024,
  valueChars: 2 * 1024 * 1024,
  valueDepth: 128,
};
