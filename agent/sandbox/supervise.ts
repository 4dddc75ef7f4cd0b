import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { Readable } from "node:stream";
import { RECORD_FD } from "./launcher.ts";
import { OutputPump, settlesWithin } from "./output-pump.ts";
import { RecordChannel } from "./record-channel.ts";
import type { SandboxEnd, SandboxIo } from "./sandbox.ts";

/** After the tree is gone: how long the pipes may be silent before they are given up, and how long reading may take in all. */
const DRAIN_IDLE_MS = 2_000;
const DRAIN_LIMIT_MS = 60_000;
const RECORD_WAIT_MS = 1_000;

export interface SupervisedChild {
  readonly child: ChildProcess;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Called when the child was reaped, before its pipes are drained: ends whatever it left behind. */
  afterExit?(): void;
}

/**
 * Follows one child from spawn to the last byte. Completion is decided by the exit of the child; the pipes are then
 * read to their end, for a bounded time (a process outside the tree could hold them open for ever).
 * The receiver may come later than the child; no script may begin before.
 */
export function supervise(parts: SupervisedChild): Supervised {
  return superviseStreams({ ...parts, record: readableOf(parts.child, RECORD_FD), exit: untilExit(parts.child) });
}

export interface SupervisedStreams extends Omit<SupervisedChild, "child"> {
  /** What comes through fd 5. */
  readonly record: Readable;
  /** Never rejects. */
  readonly exit: Promise<ChildExit>;
}

/** The same for whatever has these pipes and comes to an end. */
export function superviseStreams(parts: SupervisedStreams): Supervised {
  let exited = false;
  let receiver: Receiver | undefined;
  const ready = Promise.withResolvers<boolean>();
  const pump = new OutputPump(parts.stdout, parts.stderr, (stream, data) => receiver?.io.onOutput(stream, data));
  const record = new RecordChannel(parts.record, {
    ready: () => ready.resolve(true),
    begun: () => {
      receiver?.io.onBegun(Math.round((performance.timeOrigin + performance.now()) * 1_000));
      pump.release();
    },
  });
  const finish = async (exit: ChildExit): Promise<SandboxEnd> => {
    exited = true;
    ready.resolve(false);
    parts.afterExit?.();
    await settlesWithin(record.ended, RECORD_WAIT_MS);
    if (!record.begun) {
      await settlesWithin(pump.ended, RECORD_WAIT_MS);
      const said = pump.heldText().slice(0, 500);
      pump.cut();
      parts.record.destroy();
      return { kind: "setup_failed", message: exit.error ?? (said === "" ? "the sandbox ended before the script began" : said) };
    }
    const outputCut = await pump.drain(DRAIN_IDLE_MS, DRAIN_LIMIT_MS);
    // Whoever still holds its other end could go on writing: into the agent's memory, job after job.
    parts.record.destroy();
    return { kind: "ended", code: exit.code, record: record.take(), recordOverflowed: record.overflowed, outputCut };
  };
  const attach = (to: Receiver): void => {
    receiver = to;
    record.maxBytes = to.recordMaxBytes;
    record.onData = to.onSaid;
  };
  const done = parts.exit.then(finish);
  return { done, ready: ready.promise, attach, begun: () => record.begun, exited: () => exited, cut: () => pump.cut() };
}

/** Who is told about a script. */
export interface Receiver {
  readonly io: SandboxIo;
  readonly recordMaxBytes: number;
  /** Gets what is not kept as a record then. */
  readonly onSaid?: ((data: Buffer) => void) | undefined;
}

export interface Supervised {
  readonly done: Promise<SandboxEnd>;
  /** A waiting launcher waits now: true. The child ended first: false. Of a launcher that does not wait nothing is heard until the end. */
  readonly ready: Promise<boolean>;
  attach(receiver: Receiver): void;
  begun(): boolean;
  exited(): boolean;
  /** Gives up on output that has not been read. */
  cut(): void;
}

export interface ChildExit {
  /** 128 + n when the child itself was ended by a signal. */
  readonly code: number;
  /** The child could not be started at all. */
  readonly error?: string;
}

const { SIGKILL } = constants.signals;

function untilExit(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      // Also emitted when a signal could not be sent; then the exit is still to come.
      if (child.pid === undefined) resolve({ code: -1, error: error.message });
    });
    child.once("exit", (code, signal) => resolve({ code: code ?? 128 + (signal === null ? SIGKILL : constants.signals[signal]) }));
  });
}

/** One of the child's extra pipes; an ended stream when the spawn failed. */
export function readableOf(child: ChildProcess, fd: number): Readable {
  const stream = child.stdio[fd];
  return stream instanceof Readable ? stream : Readable.from([]);
}
