import { credentials } from "@grpc/grpc-js";
import { messageOf } from "../../kernel/app-error.ts";
import { AgentSessionClient, type ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Book } from "../agents/book.ts";
import { stampOf } from "../agents/held.ts";
import { monotonicUs } from "../load/monotonic.ts";
import type { FromBareReceiver, ToBareReceiver } from "./bare-messages.ts";

/** Receives the messages of the bare path and notes when, in the book that the simulated agents keep. */
const book = new Book();
const say = (message: FromBareReceiver): void => void process.send?.(message);

function start(address: string): void {
  const stream = new AgentSessionClient(address, credentials.createInsecure()).session();
  let connected = false;
  stream.on("data", (frame: ServerFrame) => {
    const nowUs = monotonicUs();
    for (const bundle of frame.assign) book.arrived(stampOf(bundle.argsJson), nowUs);
    if (!connected) say({ kind: "connected" });
    connected = true;
  });
  stream.on("error", (error) => say({ kind: "failed", message: messageOf(error) }));
}

function obey(message: ToBareReceiver): void {
  switch (message.kind) {
    case "start":
      start(message.address);
      break;
    case "measure":
      book.measure(message.window);
      say({ kind: "measuring" });
      break;
    case "report":
      say({ kind: "report", report: book.report() });
  }
}

process.on("message", obey);
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined);
