// Parsers of strangers' code run in a process of their own, for three reasons that were measured:
// - oxc-parser recurses on the machine stack: 10,000 opening brackets or `else if` end the process with SIGSEGV,
//   which no try/catch and no worker thread contains;
// - some short inputs take a parser minutes (`f<(a=` 25 times over), and native code cannot be interrupted;
// - a megabyte of code keeps a thread busy for half a second, while jobs must be dispatched within milliseconds.
// One child serves all requests, one at a time. It starts with the first request, ends when it has been idle for a
// while, and is killed and replaced when it dies, hangs or grows. It gets no environment: there is nothing to steal.
// States: none → starting → idle ⇄ busy; any death leads back to none.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AppError } from "../kernel/app-error.ts";
import type { Language } from "../kernel/languages.ts";
import type { Service } from "../kernel/service.ts";
import { NO_MAIN, type SignatureReading } from "./model.ts";
import { asParserMessage, type ParserMessage } from "./parser-messages-codec.ts";
import { SourcePositions } from "./source-position.ts";

const CHILD = fileURLToPath(new URL("./parser-child.ts", import.meta.url));

export interface ParserProcessOptions {
  /** Wall time one script may take, the start of the process excluded. */
  readonly timeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly idleMs?: number;
  /** Requests that may wait; one more is refused. */
  readonly maxWaiting?: number;
}

interface Request {
  readonly language: Language;
  readonly code: string;
  readonly resolve: (reading: SignatureReading) => void;
  readonly reject: (error: AppError) => void;
  /** Deaths of the child that may not have been this request's fault. */
  retries: number;
}

export class ParserProcess implements Service {
  readonly #timeoutMs: number;
  readonly #startTimeoutMs: number;
  readonly #idleMs: number;
  readonly #maxWaiting: number;
  readonly #waiting: Request[] = [];
  #child: ChildProcess | undefined;
  #isReady = false;
  #current: { readonly id: number; readonly request: Request } | undefined;
  #nextId = 1;
  #timer: NodeJS.Timeout | undefined;
  #stderr = "";
  #isStopped = false;

  constructor(options: ParserProcessOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#startTimeoutMs = options.startTimeoutMs ?? 30_000;
    this.#idleMs = options.idleMs ?? 60_000;
    this.#maxWaiting = options.maxWaiting ?? 100;
  }

  /** Nothing to do: the child starts with the first request. */
  async start(): Promise<void> {}

  /** Ends the child; requests that wait are refused with `unavailable`. */
  async stop(_reason: string): Promise<void> {
    this.#isStopped = true;
    this.#dropChild();
    const open = [...(this.#current === undefined ? [] : [this.#current.request]), ...this.#waiting.splice(0)];
    this.#current = undefined;
    for (const request of open) request.reject(new AppError("unavailable", "the server is shutting down"));
  }

  /** The process id of the child, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Reads a script's signature. Code that the parser cannot survive comes back as a syntax problem.
   * Errors: resource_exhausted when too many requests wait; unavailable when the child does not start; internal when the parser has a defect.
   */
  read(language: Language, code: string): Promise<SignatureReading> {
    if (this.#isStopped) return Promise.reject(new AppError("unavailable", "the server is shutting down"));
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new AppError("resource_exhausted", "too many scripts are being deployed at once", { retryable: true, retryAfterS: 2 }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ language, code, resolve, reject, retries: 0 });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    if (this.#waiting.length === 0) {
      this.#rest();
      return;
    }
    if (this.#child === undefined) this.#spawn();
    else if (this.#isReady) this.#send(this.#child);
  }

  #send(child: ChildProcess): void {
    const request = this.#waiting.shift();
    if (request === undefined) return;
    const id = this.#nextId++;
    this.#current = { id, request };
    child.ref();
    child.channel?.ref();
    this.#arm(this.#timeoutMs, () => {
      this.#finish({ signature: NO_MAIN, problems: [problemOf(request.code, "the code takes too long to read: it is too complex")] });
      this.#replaceChild();
    });
    child.send({ id, language: request.language, code: request.code });
  }

  #spawn(): void {
    const child = fork(CHILD, [], { env: {}, execArgv: ["--max-old-space-size=512"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    this.#isReady = false;
    this.#stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (this.#child === child) this.#stderr = `${this.#stderr}${text}`.slice(-4_000);
    });
    child.on("message", (message) => {
      const parsed = asParserMessage(message);
      if (this.#child === child && parsed !== undefined) this.#receive(child, parsed);
    });
    child.on("error", (error) => {
      if (this.#child === child) this.#lost(undefined, error);
    });
    child.on("exit", (_code, signal) => {
      if (this.#child === child) this.#lost(signal, undefined);
    });
    this.#arm(this.#startTimeoutMs, () => this.#lost(undefined, new Error("the parser process did not get ready")));
  }

  #receive(child: ChildProcess, message: ParserMessage): void {
    if (message.kind === "ready") {
      clearTimeout(this.#timer);
      this.#isReady = true;
      this.#next();
      return;
    }
    if (message.id !== this.#current?.id) return;
    if (message.kind === "failure") {
      this.#fail(new AppError("internal", "the script's signature could not be read", { cause: new Error(message.message) }));
      this.#dropChild();
    } else {
      this.#finish(message.reading);
      if (message.isWorn) this.#dropChild();
    }
    if (this.#child === child) this.#rest();
    this.#next();
  }

  /** The child is gone. Before it was ready that is our trouble; afterwards the code that it was reading is to blame. */
  #lost(signal: NodeJS.Signals | null | undefined, error: Error | undefined): void {
    const wasReady = this.#isReady;
    const cause = error ?? new Error(`the parser process ended (${signal ?? "exit"}): ${this.#stderr}`);
    this.#dropChild();
    const request = this.#current?.request ?? (wasReady ? undefined : this.#waiting.shift());
    this.#current = undefined;
    if (request === undefined) return;
    const wasKilled = signal === "SIGKILL" || signal === "SIGTERM";
    if (wasReady && wasKilled && request.retries === 0) {
      // Somebody else's doing: the kernel short of memory, or an operator.
      request.retries += 1;
      this.#waiting.unshift(request);
    } else if (wasReady && !wasKilled) {
      request.resolve({ signature: NO_MAIN, problems: [problemOf(request.code, "the code is nested too deeply")] });
    } else {
      request.reject(new AppError("unavailable", "the script's signature cannot be read at the moment", { cause, retryAfterS: 2 }));
    }
    this.#next();
  }

  #finish(reading: SignatureReading): void {
    clearTimeout(this.#timer);
    this.#current?.request.resolve(reading);
    this.#current = undefined;
  }

  #fail(error: AppError): void {
    clearTimeout(this.#timer);
    this.#current?.request.reject(error);
    this.#current = undefined;
  }

  /** An idle child does not keep this process alive. */
  #rest(): void {
    if (this.#child === undefined || this.#current !== undefined || this.#waiting.length > 0) return;
    this.#child.unref();
    this.#child.channel?.unref();
    this.#arm(this.#idleMs, () => this.#dropChild());
    this.#timer?.unref();
  }

  #replaceChild(): void {
    this.#dropChild();
    this.#next();
  }

  #dropChild(): void {
    clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = undefined;
    this.#isReady = false;
    if (child === undefined) return;
    child.stderr?.destroy();
    child.unref();
    child.kill("SIGKILL");
  }

  #arm(delayMs: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delayMs);
  }
}

/** There is no telling which line the parser died of; the deepest one is the best guess. */
function problemOf(code: string, message: string): SignatureReading["problems"][number] {
  return new SourcePositions(code).problemAt(deepestBracket(code), message);
}

function deepestBracket(code: string): number {
  let depth = 0;
  let deepest = 0;
  let offset = 0;
  for (let at = 0; at < code.length; at++) {
    const char = code[at];
    if (char === "(" || char === "[" || char === "{") depth += 1;
    else if (char === ")" || char === "]" || char === "}") depth -= 1;
    if (depth <= deepest) continue;
    deepest = depth;
    offset = at;
  }
  return offset;
}
