import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import type { SealedSecrets } from "../secrets/sealed-secrets.ts";
import type { Log } from "../telemetry/log.ts";
import { afterTry, type Breaker, CLOSED, mayTry } from "./breaker-core.ts";
import { type DeliveryAttempt, TEST_KIND } from "./contract.ts";
import {
  type ClaimedDelivery,
  claimDeliveries,
  claimDelivery,
  type DeliveryFate,
  dropOldDeliveries,
  findDelivery,
  markDelivery,
  putBackDelivery,
  type StoredDelivery,
} from "./delivery-store.ts";
import { pauseHook } from "./hook-store.ts";
import type { OutboundClient } from "./outbound/outbound-client.ts";
import { type AttemptOutcome, isTroubleOfHost, type Next, nextAfter } from "./retry-core.ts";
import { standardKey, standardSignature } from "./standard-webhooks.ts";

export interface DelivererDeps {
  readonly pool: Pool;
  readonly secrets: Pick<SealedSecrets, "open">;
  readonly client: OutboundClient;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** Requests under way on this replica: all, and to one hook. */
const MAX_UNDER_WAY = 32;
const MAX_EACH = 4;
/** Longer than a request may take, with room to say what became of it. */
const CLAIM_MS = 60_000;
const MAX_BREAKERS = 10_000;
const DROP_BATCH = 1000;

/**
 * Sends deliveries that are due. At least once: one whose sender died is sent again when its claim is over, under the same id.
 */
export class Deliverer {
  readonly #deps: DelivererDeps;
  readonly #breakers = new LruMap<string, Breaker>(MAX_BREAKERS);
  /** By `workspace/path`. */
  readonly #underWay = new Map<string, number>();
  readonly #sending = new Set<Promise<void>>();
  #sent = (): void => undefined;

  constructor(deps: DelivererDeps) {
    this.#deps = deps;
  }

  /** @param sent called after each request: there is room for another one */
  onSent(sent: () => void): void {
    this.#sent = sent;
  }

  /** Begins to send what is due and there is room for. @returns how many were taken */
  async begin(): Promise<number> {
    const { pool, clock } = this.#deps;
    const room = MAX_UNDER_WAY - this.#sending.size;
    if (room <= 0) return 0;
    const busy = [...this.#underWay].flatMap(([hook, count]) => (count >= MAX_EACH ? [hook] : []));
    const nowMs = clock.wallMs();
    const claimed = await claimDeliveries(pool, nowMs, nowMs + CLAIM_MS, { all: room, each: MAX_EACH }, busy);
    for (const delivery of claimed) this.#track(delivery, this.#send(delivery));
    return claimed.length;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.allSettled([...this.#sending]);
  }

  /** Sends one now, whether it is due or not; undefined when it does not wait. */
  async sendNow(workspace: WorkspaceId, id: string): Promise<StoredDelivery | undefined> {
    const { pool, clock } = this.#deps;
    const claimed = await claimDelivery(pool, workspace, id, clock.wallMs() + CLAIM_MS);
    if (claimed === undefined) return undefined;
    const sent = this.#send(claimed);
    this.#track(claimed, sent);
    await sent;
    return findDelivery(pool, workspace, id);
  }

  /** Lets go of what ended long ago. */
  async dropOld(beforeMs: number): Promise<void> {
    for (let dropped = DROP_BATCH; dropped === DROP_BATCH; ) dropped = await dropOldDeliveries(this.#deps.pool, beforeMs, DROP_BATCH);
  }

  #track(delivery: ClaimedDelivery, sent: Promise<void>): void {
    const hook = `${delivery.workspace}/${delivery.hook}`;
    this.#underWay.set(hook, (this.#underWay.get(hook) ?? 0) + 1);
    // What could not be written down is sent again when the claim is over.
    const done = sent.catch((error: unknown) =>
      this.#deps.log.warn({ event: "hooks.delivery_failed", deliveryId: delivery.id, error: messageOf(error) }, "a delivery was broken off, and is made again"),
    );
    const tracked = done.finally(() => {
      this.#sending.delete(tracked);
      const left = (this.#underWay.get(hook) ?? 1) - 1;
      if (left > 0) this.#underWay.set(hook, left);
      else this.#underWay.delete(hook);
      this.#sent();
    });
    this.#sending.add(tracked);
  }

  async #send(delivery: ClaimedDelivery): Promise<void> {
    const { pool, clock, client, random } = this.#deps;
    const url = new URL(delivery.url);
    // Of the workspace: what one of them makes of a host must not keep another from it.
    const host = `${delivery.workspace} ${url.host}`;
    const isTest = delivery.kind === TEST_KIND;
    const atMs = clock.wallMs();
    const headers = await this.#headers(delivery, atMs);
    const allowed = mayTry(this.#breakers.get(host) ?? CLOSED, atMs);
    if (allowed.kind === "no" && !isTest) {
      await putBackDelivery(pool, delivery, allowed.untilMs);
      return;
    }
    if (allowed.kind === "yes") this.#breakers.set(host, allowed.breaker);
    const begunMs = clock.monotonicMs();
    const result = headers === undefined ? UNSIGNED : await client.post(url, headers, delivery.payload);
    const outcome: AttemptOutcome = result.kind === "answered" ? { ...result, retryAfterS: secondsIn(result.retryAfter) } : result;
    const nowMs = clock.wallMs();
    this.#breakers.set(host, afterTry(this.#breakers.get(host) ?? CLOSED, !isTroubleOfHost(outcome), nowMs));
    const next = nextAfter(outcome, delivery.tries, random());
    if (next.kind === "gone" && !isTest)
      await pauseHook(pool, delivery.workspace, delivery.hook, true, "millrace", "the receiver answered 410: it wants no more deliveries");
    await markDelivery(pool, delivery, fateOf(next, isTest, nowMs), attemptOf(outcome, atMs, clock.monotonicMs() - begunMs), nowMs);
  }

  /** Signed with every secret that is good, so that a receiver can change to a new one when it likes. Undefined when none is. */
  async #headers({ workspace, hook, event, payload }: ClaimedDelivery, nowMs: number): Promise<Record<string, string> | undefined> {
    const timestamp = String(Math.floor(nowMs / 1000));
    const keys = (await this.#deps.secrets.open(workspace, `hook:${hook}`)).flatMap((secret) => standardKey(secret) ?? []);
    if (keys.length === 0) return undefined;
    const signature = keys.map((key) => standardSignature(key, event, timestamp, payload)).join(" ");
    return { "content-type": "application/json", "webhook-id": event, "webhook-timestamp": timestamp, "webhook-signature": signature };
  }
}

const UNSIGNED = { kind: "refused", why: "the hook has no secret to sign with: add one" } as const;

/** Seconds of a Retry-After; dates are left alone. */
const secondsIn = (text: string | undefined): number | undefined => (text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined);

/** A test says at once what became of it, and is not repeated. */
function fateOf(next: Next, isTest: boolean, nowMs: number): DeliveryFate {
  if (next.kind === "again") return isTest ? { kind: "dead" } : { kind: "waiting", dueAtMs: nowMs + next.inMs };
  return { kind: next.kind === "delivered" ? "delivered" : "dead" };
}

function attemptOf(outcome: AttemptOutcome, atMs: number, tookMs: number): DeliveryAttempt {
  const said = outcome.kind === "answered" ? { status: outcome.status } : { error: storable(outcome.why.toWellFormed()) };
  return { at: new Date(atMs).toISOString(), ...said, took_ms: Math.round(tookMs) };
}
