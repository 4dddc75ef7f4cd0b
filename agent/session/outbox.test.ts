import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import type { AttemptRef } from "../../proto/gen/millrace/agent/v1/job.ts";
import { Hello } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Journal } from "../journal/journal.ts";
import { LogShipper } from "../logs/log-shipper.ts";
import { Outbox } from "./outbox.ts";
import { Results } from "./results.ts";
import { openStream, type SessionStream } from "./stream.ts";
import { refOf } from "./testing/agent-bench.ts";
import { bundleOf, type PlaneSession, ScriptedPlane } from "./testing/scripted-plane.ts";

const log = pino({ level: "silent" });
let plane = new ScriptedPlane();
let folder = "";
let stream: SessionStream | undefined;
let held: AttemptRef[] = [];
let builtAt: number[] = [];
let turn = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-outbox-"));
  plane = new ScriptedPlane();
  [held, builtAt, turn] = [[], [], 0];
  await plane.start();
});
afterEach(() => {
  stream?.destroy();
  plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<{ outbox: Outbox; session: PlaneSession }> {
  const journal = Journal.open(join(folder, "results"), log);
  const shipper = new LogShipper({ folder: join(folder, "logs"), clock: realClock, log, onReady: () => undefined });
  const outbox = new Outbox({
    results: new Results({ journal, shipper, log, onReady: () => undefined }),
    shipper,
    beforeSend: () => undefined,
    keepaliveNow: () => {
      builtAt.push(turn);
      return { sentAtMs: turn, held };
    },
    isHeld: (ref) => held.some((one) => one.token === ref.token),
  });
  stream = openStream({ address: plane.address, token: "secret", tls: false, caFile: "" }, { onFrame: () => undefined, onClosed: () => undefined });
  outbox.attach(stream.call, Hello.fromPartial({}));
  const session = await plane.session(0);
  outbox.release();
  return { outbox, session };
}

test("a keepalive is made with the frame that carries it: it names what came after it was asked for, and has the time of the frame", async () => {
  const { outbox, session } = await open();
  const ref = refOf(bundleOf());
  outbox.wantKeepalive();
  turn = 1;
  held = [ref];
  outbox.received(ref);
  outbox.wantKeepalive();
  await session.until(() => session.frames.length === 2);
  expect(session.frames[1]).toMatchObject({ keepalive: { sentAtMs: 1, held: [ref] }, received: [ref] });
  expect([builtAt, session.keepalives]).toEqual([[1], 1]);
});

test("notes on attempts that are gone are left out, however many there are", async () => {
  const { outbox, session } = await open();
  const kept = refOf(bundleOf());
  held = [kept];
  for (let index = 0; index < 5_000; index++) outbox.received(refOf(bundleOf()));
  outbox.received(kept);
  outbox.started({ ...refOf(bundleOf()), atUs: 1 });
  outbox.started({ ...kept, atUs: 2 });
  await session.until(() => session.frames.length === 2);
  expect([session.received, session.started]).toEqual([[kept], [{ ...kept, atUs: 2 }]]);
});

test("while it is held, only a keepalive passes", async () => {
  const { outbox, session } = await open();
  outbox.hold();
  const ref = refOf(bundleOf());
  held = [ref];
  outbox.received(ref);
  outbox.wantKeepalive();
  await session.until(() => session.frames.length === 2);
  expect(session.frames[1]).toMatchObject({ keepalive: { held: [ref] }, received: [] });
  outbox.release();
  await session.until(() => session.frames.length === 3);
  expect(session.frames[2]).toMatchObject({ keepalive: undefined, received: [ref] });
});
