import { detectGo } from "../go/go-runtime.ts";
import { detectJava } from "../java/java-runtime.ts";
import type { Runtime, RuntimeSupport } from "../runtime.ts";
import { detectRust } from "../rust/rust-runtime.ts";
import { MainSignatures } from "./main-signatures.ts";

export interface CompiledOptions {
  /** `-Xmx`, megabytes: Java cannot see limits from outside and would size its heap by the host. */
  readonly javaHeapMb: number;
}

/** Go, Rust and Java: programs that are built in the workshop before they run. They share one process that reads signatures. */
export function compiledSupport({ javaHeapMb }: CompiledOptions): RuntimeSupport {
  return {
    languages: ["go", "rust", "java"],
    detect: async (context) => {
      const signatures = new MainSignatures();
      const [go, rust, java] = await Promise.all([detectGo(context, signatures), detectRust(context, signatures), detectJava(context, signatures, javaHeapMb)]);
      const found: [string, Runtime | undefined][] = [
        ["go", go],
        ["rust", rust],
        ["java", java],
      ];
      return new Map(found.flatMap(([language, runtime]) => (runtime === undefined ? [] : [[language, runtime] as const])));
    },
  };
}
