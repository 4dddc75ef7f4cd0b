import "../../kernel/v8-settings.ts";
import { messageOf } from "../../kernel/app-error.ts";
import { seededRandom, seedFor } from "../load/random.ts";
import { Book } from "./book.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import type { FromSimulator, SimulatorOptions, ToSimulator } from "./simulator-messages.ts";

/** A process full of simulated agents. It ends when the run that started it is gone. */
const PROGRESS_MS = 20;
/** Agents that dial at the same moment: the server takes new streams one after another anyway. */
const DIALS = 20;
const DIAL_PAUSE_MS = 10;

const book = new Book();
const agents: SimulatedAgent[] = [];
const welcomed = new Set<number>();
let told = 0;

const say = (message: FromSimulator): void => void process.send?.(message);

async function start(options: SimulatorOptions): Promise<void> {
  const { agents: count, addresses, token, slots, tags } = options;
  for (let index = 0; index < count; index++) {
    const onConnected = (): void => {
      if (welcomed.size === count || welcomed.has(index)) return;
      welcomed.add(index);
      if (welcomed.size === count) say({ kind: "connected", agents: count });
    };
    const random = seededRandom(seedFor(options.seed, index));
    const agent = new SimulatedAgent({ name: `simulated-${index}`, addresses, token, slots, tags, random, book, onConnected }, 0);
    agents.push(agent);
    agent.connect();
    if (index % DIALS === DIALS - 1) await new Promise((resolve) => setTimeout(resolve, DIAL_PAUSE_MS));
  }
}

function obey(message: ToSimulator): void {
  switch (message.kind) {
    case "start":
      void start(message.options);
      break;
    case "measure":
      book.measure(message.window);
      say({ kind: "measuring" });
      break;
    case "report":
      say({ kind: "report", report: book.report() });
      break;
    case "slow":
      for (const agent of agents.slice(0, message.agents)) agent.slow(message.forMs);
      break;
    case "crash":
      for (const agent of agents.slice(0, message.agents)) agent.crash();
      break;
    case "stop":
      process.exit(0);
  }
}

process.on("message", (message: ToSimulator) => {
  try {
    obey(message);
  } catch (error) {
    say({ kind: "failed", message: messageOf(error) });
  }
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group: the run decides when this process ends.
process.on("SIGINT", () => undefined);
setInterval(() => {
  if (book.ended === told) return;
  told = book.ended;
  say({ kind: "progress", ended: told });
}, PROGRESS_MS);
