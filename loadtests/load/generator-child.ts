import { messageOf } from "../../kernel/app-error.ts";
import { Generator } from "./generator.ts";
import type { FromGenerator, ToGenerator } from "./generator-messages.ts";

/** The process that makes the load. It ends when the run that started it is gone. */
const say = (message: FromGenerator): void => void process.send?.(message);
let generator: Generator | undefined;

process.on("message", (message: ToGenerator) => {
  switch (message.kind) {
    case "run":
      generator = new Generator(message.plan);
      generator.run().then(
        (report) => say({ kind: "done", report }),
        (error: unknown) => say({ kind: "failed", message: messageOf(error) }),
      );
      break;
    case "ended":
      generator?.endedAre(message.jobs);
      break;
    case "cease":
      generator?.cease();
      break;
    case "stop":
      process.exit(0);
  }
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group: the run decides when this process ends.
process.on("SIGINT", () => undefined);
say({ kind: "ready" });
