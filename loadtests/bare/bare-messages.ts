import type { SimulatorReport, Window } from "../agents/simulator-messages.ts";

/** What the run says to the process that takes requests, and what that answers. */
export interface ToBareServer {
  readonly kind: "start";
  /** Of its Postgres. */
  readonly url: string;
}

export type FromBareServer = { readonly kind: "ready"; readonly base: string; readonly grpc: string } | { readonly kind: "failed"; readonly message: string };

/** Likewise for the process that receives the messages. */
export type ToBareReceiver =
  | { readonly kind: "start"; readonly address: string }
  | { readonly kind: "measure"; readonly window: Window }
  | { readonly kind: "report" };

export type FromBareReceiver =
  | { readonly kind: "connected" }
  | { readonly kind: "measuring" }
  | { readonly kind: "report"; readonly report: SimulatorReport }
  | { readonly kind: "failed"; readonly message: string };
