import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { AppError } from "../../../kernel/app-error.ts";
import { AGENT_NODE_FLAGS } from "../../node-flags.ts";
import type { Reading } from "./signature-helper.ts";

type ScriptLanguage = "typescript" | "javascript";

const HELPER = fileURLToPath(new URL("./signature-helper.ts", import.meta.url));
const CACHED = 500;
const QUEUED = 1_000;
const ANSWER_WITHIN_MS = 10_000;

/** Of code without types, in all answers that are kept. */
const CACHED_CHARACTERS = 16 * 1024 * 1024;

const TOO_COMPLEX: Reading = { signature: { kind: "syntax", fault: { message: "the script is too large or too deeply nested to be read", line: 0 } } };

/**
 * Asks a helper process for the parameters of `main`, and for the code without its types: taking them away costs a Node that has just started
 * 35 ms, the helper 1 ms. In a process of its own, because the parser ends the process on
 * deeply nested code (300,000 brackets do), and no tenant may end the agent. One question at a time, so that a crash is known to
 * belong to its question; answers are kept by the hash of the code, the most recent 500 and no more than 32 MB.
 */
export class SignatureReader {
  readonly #answers = new Map<string, Reading>();
  #characters = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #helper: ChildProcess | undefined;

  /** @throws resource_exhausted when 1,000 scripts wait to be read; unavailable when the helper cannot be started */
  async read(code: string, language: ScriptLanguage): Promise<Reading> {
    const key = createHash("sha256").update(language).update("\0").update(code).digest("base64");
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    if (this.#queued >= QUEUED) throw new AppError("resource_exhausted", "too many scripts wait to be read");
    this.#queued += 1;
    const answer = this.#tail.then(() => this.#answers.get(key) ?? this.#ask(code, language));
    this.#tail = answer.catch(() => undefined);
    try {
      const reading = await answer;
      this.#keep(key, reading);
      return reading;
    } finally {
      this.#queued -= 1;
    }
  }

  /** Starts the helper before the first question. */
  warmUp(): void {
    this.read("export function main(a: string) {}", "typescript").catch(() => undefined);
  }

  close(): void {
    this.#helper?.kill("SIGKILL");
    this.#helper = undefined;
  }

  #keep(key: string, reading: Reading): void {
    this.#forget(key);
    const characters = reading.plain?.length ?? 0;
    // The oldest is the first: a Map keeps the order in which keys came.
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size < CACHED && this.#characters + characters <= CACHED_CHARACTERS) break;
      this.#forget(oldest);
    }
    this.#answers.set(key, reading);
    this.#characters += characters;
  }

  #forget(key: string): void {
    this.#characters -= this.#answers.get(key)?.plain?.length ?? 0;
    this.#answers.delete(key);
  }

  #ask(code: string, language: ScriptLanguage): Promise<Reading> {
    const helper = this.#start();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => helper.kill("SIGKILL"), ANSWER_WITHIN_MS);
      const leave = (): void => {
        clearTimeout(timer);
        helper.off("message", onMessage).off("exit", onExit).off("error", onError);
      };
      // The helper is ours and speaks one type.
      const onMessage = (message: unknown): void => {
        leave();
        resolve(message as Reading);
      };
      const onExit = (): void => {
        leave();
        this.#helper = undefined;
        resolve(TOO_COMPLEX);
      };
      // Of a process that could not be made there is no exit: there are too many, say.
      const onError = (error: Error): void => {
        leave();
        this.#helper = undefined;
        reject(new AppError("unavailable", `scripts cannot be read: ${error.message}`));
      };
      helper.on("message", onMessage).on("exit", onExit).on("error", onError);
      if (helper.connected) helper.send({ code, language }, () => undefined);
    });
  }

  #start(): ChildProcess {
    const alive = this.#helper;
    if (alive?.connected && alive.exitCode === null && alive.signalCode === null) return alive;
    const helper = fork(HELPER, [], { env: {}, execArgv: [...AGENT_NODE_FLAGS], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    helper.on("error", () => undefined);
    // The helper must not keep the agent alive; a pending question does so by its timer.
    helper.unref();
    helper.channel?.unref();
    this.#helper = helper;
    return helper;
  }
}
