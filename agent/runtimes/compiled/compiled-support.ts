import { detectGo } from "../go/go-runtime.ts";
import { detectRust } from "../rust/rust-runtime.ts";
import type { Runtime, RuntimeSupport } from "../runtime.ts";
import { MainSignatures } from "./main-signatures.ts";

export interface CompiledOptions {
  /** `-Xmx`, megabytes: Java cannot see limits from outside and would size its heap by the host. */
  readonly javaHeapMb: number;
}

/** Go, Rust and Java: programs that are built in the workshop before they run. */
export function compiledSupport(_options: CompiledOptions): RuntimeSupport {
  return {
    languages: ["go", "rust", "java"],
    detect: async (context) => {
      const signatures = new MainSignatures();
      const found = await Promise.all([detectGo(context, signatures), detectRust(context, signatures)]);
      const languages = ["go", "rust"];
      const runtimes = new Map<string, Runtime>();
      for (const [at, runtime] of found.entries()) if (runtime !== undefined) runtimes.set(languages[at] ?? "", runtime);
      return runtimes;
    },
  };
}
