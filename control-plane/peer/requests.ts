import { AppError } from "../../kernel/app-error.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import type { Answer } from "../../proto/gen/millrace/peer/v1/peer.ts";

interface Open {
  readonly sinceMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: AppError) => void;
}

const MAX_OPEN = 50_000;
/** Who asked has given up long before. */
const EXPIRE_MS = 30_000;

/** Questions over one link that are not answered yet. */
export class Requests {
  readonly #open = new ChurnMap<number, Open>();
  #next = 1;

  /** Errors: unavailable when too many are open. */
  open(nowMs: number): { request: number; answer: Promise<Answer> } {
    if (this.#open.size >= MAX_OPEN) throw new AppError("unavailable", "the owner of the shard does not keep up", { retryAfterS: 1 });
    const request = this.#next++;
    const answer = new Promise<Answer>((resolve, reject) => this.#open.set(request, { sinceMs: nowMs, resolve, reject }));
    return { request, answer };
  }

  settle(answer: Answer): void {
    const open = this.#open.get(answer.request);
    this.#open.delete(answer.request);
    open?.resolve(answer);
  }

  expire(nowMs: number): void {
    for (const [request, { sinceMs, reject }] of this.#open) {
      if (nowMs - sinceMs < EXPIRE_MS) return;
      this.#open.delete(request);
      reject(new AppError("unavailable", "the owner of the shard did not answer in time"));
    }
  }

  fail(error: AppError): void {
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}
