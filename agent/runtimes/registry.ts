import type { ReadOnlyMount, WarmInterpreter } from "../sandbox/sandbox.ts";
import { uniteMounts } from "../sandbox/shape.ts";
import type { DetectContext, Runtime, RuntimeSupport } from "./runtime.ts";

/** The runtimes that this machine really has. */
export class RuntimeRegistry {
  readonly #byLanguage = new Map<string, Runtime>();

  /** @param wanted languages to look for; default all */
  static async detect(supports: readonly RuntimeSupport[], context: DetectContext, wanted?: readonly string[]): Promise<RuntimeRegistry> {
    const registry = new RuntimeRegistry();
    const isWanted = (language: string): boolean => wanted?.includes(language) !== false;
    const found = await Promise.all(supports.filter(({ languages }) => languages.some(isWanted)).map((support) => support.detect(context)));
    for (const runtimes of found) {
      for (const [language, runtime] of runtimes ?? []) if (isWanted(language)) registry.#byLanguage.set(language, runtime);
    }
    return registry;
  }

  find(language: string): Runtime | undefined {
    return this.#byLanguage.get(language);
  }

  /** For Hello, in order of name. */
  list(): { language: string; version: string }[] {
    return [...this.#byLanguage].map(([language, { version }]) => ({ language, version })).sort((a, b) => (a.language < b.language ? -1 : 1));
  }

  /** What the launches of all of them may mount. */
  mounts(): ReadOnlyMount[] {
    return uniteMounts([...this.#byLanguage.values()].flatMap((runtime) => (runtime.kind === "process" ? runtime.mounts : [])));
  }

  /** Those that can wait for a script, one of a name. */
  interpreters(): WarmInterpreter[] {
    const byName = new Map<string, WarmInterpreter>();
    for (const runtime of this.#byLanguage.values()) {
      if (runtime.kind === "process" && runtime.interpreter !== undefined) byName.set(runtime.interpreter.name, runtime.interpreter);
    }
    return [...byName.values()];
  }

  /** Gets ready what the first script of each would have to wait for. */
  warmUp(): void {
    for (const runtime of this.#byLanguage.values()) if (runtime.kind === "process") runtime.warmUp?.();
  }

  /** Memory that runtimes keep between jobs, bytes. */
  heldBytes(): number {
    const holders = new Set([...this.#byLanguage.values()].flatMap((runtime) => (runtime.kind === "in-process" ? (runtime.held ?? []) : [])));
    return [...holders].reduce((sum, holder) => sum + holder.heldBytes(), 0);
  }

  close(): void {
    for (const runtime of this.#byLanguage.values()) runtime.close();
  }
}
