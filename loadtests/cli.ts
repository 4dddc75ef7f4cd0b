import { parseArgs } from "node:util";
import type { Scenario } from "./scenarios/scenario.ts";

/** What the command line says. */
export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "list" }
  | { readonly kind: "wrong"; readonly message: string }
  | {
      readonly kind: "run";
      readonly scenarios: readonly Scenario[];
      /** The word that was given, for the names of files: a scenario, several, or `all`. */
      readonly name: string;
      readonly short: boolean;
      readonly peers: boolean;
      readonly seed: number;
      readonly json: string | undefined;
      readonly html: string | undefined;
      readonly seconds: number | undefined;
      readonly agents: number | undefined;
      readonly slots: number | undefined;
    };

const OPTIONS = {
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  short: { type: "boolean", default: false },
  json: { type: "string" },
  html: { type: "string" },
  "no-peers": { type: "boolean", default: false },
  seed: { type: "string" },
  seconds: { type: "string" },
  agents: { type: "string" },
  slots: { type: "string" },
} as const;

const DEFAULT_SEED = 20_261_121;

export const HELP = `Load tests of Millrace: the whole system on this machine, with durable commits.

  npm run loadtest -- --list
  npm run loadtest -- <scenario>... [options]
  npm run loadtest -- all [options]

  --short          the short form of each scenario, a minute or two: for development, not for figures
  --json FILE      where the figures go (default: loadtests/reports/)
  --html FILE      where the report with its charts goes (default: beside the JSON)
  --no-peers       leaves out graphile-worker, pg-boss, BullMQ and other engines of flows; the bare path stays
  --seed N         places arrivals and choices (default ${DEFAULT_SEED}); printed with every run
  --seconds N      length of the measured window, in scenarios that have one
  --agents N       how many simulated agents, in scenarios that have one number of them
  --slots N        slots of each agent, likewise

Ends with 0 when every promise was kept, 1 when a scenario failed or jobs were lost or ended twice, 2 for a wrong command line.
Aims that are missed are told, and are no failure: they depend on the machine.
`;

/** Reads the arguments after `npm run loadtest --`. */
export function parseCommand(args: readonly string[], known: readonly Scenario[]): Command {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(args);
  } catch (error) {
    return { kind: "wrong", message: error instanceof Error ? error.message : String(error) };
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { kind: "help" };
  if (values.list === true) return { kind: "list" };
  const scenarios = choose(positionals, known);
  if (typeof scenarios === "string") return { kind: "wrong", message: scenarios };
  const numbers = { seed: values.seed, seconds: values.seconds, agents: values.agents, slots: values.slots };
  for (const [name, text] of Object.entries(numbers)) {
    if (text !== undefined && !/^[1-9]\d{0,8}$/.test(text)) return { kind: "wrong", message: `--${name} takes a whole number from 1 on, not "${text}"` };
  }
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  return {
    kind: "run",
    scenarios,
    name: positionals.join("+"),
    short: values.short,
    peers: !values["no-peers"],
    seed: number(values.seed) ?? DEFAULT_SEED,
    json: values.json,
    html: values.html,
    seconds: number(values.seconds),
    agents: number(values.agents),
    slots: number(values.slots),
  };
}

function read(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}

/** @returns the scenarios in the order of the list, or what is wrong with the names */
function choose(names: readonly string[], known: readonly Scenario[]): readonly Scenario[] | string {
  if (names.length === 0) return "which scenario? --list names them, `all` runs every one";
  if (names.includes("all")) return names.length === 1 ? known : "`all` stands alone";
  const unknown = names.filter((name) => !known.some((scenario) => scenario.name === name));
  if (unknown.length > 0) return `there is no scenario ${unknown.map((name) => `"${name}"`).join(", ")}; there are ${known.map(({ name }) => name).join(", ")}`;
  return known.filter((scenario) => names.includes(scenario.name));
}

/** The text of --list. */
export function listText(known: readonly Scenario[]): string {
  const width = Math.max(...known.map(({ name }) => name.length));
  return known
    .map(({ name, summary, takes }) => `${name.padEnd(width)}  ${summary}\n${" ".repeat(width)}  short: ${takes.short}; long: ${takes.long}\n`)
    .join("");
}
