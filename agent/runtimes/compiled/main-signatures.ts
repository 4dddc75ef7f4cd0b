import { createHash } from "node:crypto";
import { AppError } from "../../../kernel/app-error.ts";
import type { SignatureReading } from "../../../signatures/model.ts";
import { ParserProcess } from "../../../signatures/parser-process.ts";
import { readJsonMembers } from "../../runner/json-text.ts";
import { refuseArguments, refuseSyntax } from "../refusal.ts";
import type { Refusal } from "../runtime.ts";

export type CompiledLanguage = "go" | "rust" | "java";

const CACHED = 500;

/** The signatures of `main`, read in a process that may be killed; the most recent 500 are kept by the hash of the code. */
export class MainSignatures {
  readonly #parser = new ParserProcess();
  readonly #answers = new Map<string, SignatureReading>();

  async read(language: CompiledLanguage, code: string): Promise<SignatureReading> {
    const key = createHash("sha256").update(language).update("\0").update(code).digest("base64");
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const reading = await this.#parser.read(language, code);
    const oldest = this.#answers.size >= CACHED ? this.#answers.keys().next().value : undefined;
    if (oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(key, reading);
    return reading;
  }

  /**
   * The names of main's parameters, in their order. A file whose `main` can be read is left to the compiler, whose
   * word on syntax counts.
   */
  async namesOf(language: CompiledLanguage, code: string, argsJson: string): Promise<readonly string[] | Refusal> {
    const { signature, problems } = await this.read(language, code);
    const [problem] = problems;
    if (!signature.hasMain) return problem === undefined ? refuseArguments("InvalidArgument", "the script defines no function `main`") : refuseSyntax(problem);
    const names = signature.parameters.map((parameter) => parameter.name);
    const args = readJsonMembers(argsJson);
    if (args.kind === "problem") return refuseArguments("InvalidArgument", `the arguments are not a JSON object: ${args.message}`);
    if (signature.variadic) return names;
    const unknown = [...args.values.keys()].find((name) => !names.includes(name));
    if (unknown === undefined) return names;
    return refuseArguments("UnknownArgument", `main takes no argument \`${unknown}\`; it takes: ${names.join(", ") || "none"}`);
  }

  close(): void {
    // Nobody asks any more, so nothing is refused by it.
    void this.#parser.stop("the agent stops").catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
    });
  }
}

export function isRefusal(value: readonly unknown[] | Refusal): value is Refusal {
  return "kind" in value;
}
