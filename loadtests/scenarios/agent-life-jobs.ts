import { messageOf } from "../../kernel/app-error.ts";
import { seededRandom } from "../load/random.ts";
import { until } from "../world/processes.ts";
import type { World } from "../world/world.ts";

interface Kind {
  readonly name: string;
  /** Of all shares together. */
  readonly share: number;
  /** @param job its number: the code of some is never the same */
  readonly body: (job: number) => object;
  /** How each of them must end. */
  readonly reason: string;
}

const kind = (name: string, share: number, language: string, content: string | ((job: number) => string), reason = "succeeded", more: object = {}): Kind => ({
  name,
  share,
  reason,
  body: (job) => ({ code: { language, content: typeof content === "string" ? content : content(job) }, ...more }),
});

/** The end of a job that is cancelled while it runs. */
const CANCELLED = "cancelled";

/** What agents see in a month: most jobs are short and end well, some fail in every way there is. */
const KINDS: readonly Kind[] = [
  kind("bash", 40, "bash", "echo hello\n"),
  kind("python", 17, "python3", "def main():\n    return list(range(10))\n"),
  kind("typescript", 8, "typescript", "export function main(): number[] {\n  return [1, 2, 3];\n}\n"),
  kind("fails", 10, "bash", "exit 3\n", "exit_code"),
  kind("raises", 6, "python3", "def main():\n    raise ValueError('no')\n", "exit_code"),
  kind("prints", 5, "bash", "head -c 200000 /dev/zero | tr '\\0' x | fold -w 100\n"),
  kind("large result", 3, "python3", "def main():\n    return 'x' * 300000\n"),
  kind("leaves a process", 4, "bash", "setsid sleep 300 &\necho left\n"),
  kind("fills its disk", 2, "bash", 'head -c 20000000 /dev/zero > "$TMPDIR/fill"\necho full\n'),
  kind("killed", 2, "bash", "kill -9 $$\n", "signal"),
  kind("too slow", 2, "bash", "trap '' TERM\nwhile :; do sleep 300; done\n", "timeout", { timeout_ms: 300, soft_timeout_ms: 100 }),
  kind("does not parse", 1, "bash", "fi\n", "syntax_error"),
  // What the agent keeps by the hash of the code must be bounded.
  kind("new script", 6, "typescript", (job) => `export function main(): number {\n  return ${job};\n}\n`),
  kind("dedicated", 3, "python3", "def main():\n    return 1\n", "succeeded", { dedicated: true }),
  kind("query", 3, "sqlite", "select 1 as one"),
  kind("cancelled", 3, "bash", "sleep 300\n", CANCELLED),
];

/** In words, for the report. */
export const KINDS_OF_JOBS = KINDS.map(({ name, share }) => `${name} ${share}`).join(", ");

/** After so many that did not end as they must, the run says nothing any more. */
const MOST_PROBLEMS = 100;

/** Jobs of all kinds, in an order that a seed repeats, each of which must end as its kind does. */
export class MixedJobs {
  /** What did not end as it must. */
  readonly problems: string[] = [];
  readonly #world: World;
  readonly #workspace: string;
  readonly #random: () => number;
  #started = 0;

  constructor(world: World, workspace: string, seed: number) {
    this.#world = world;
    this.#workspace = workspace;
    this.#random = seededRandom(seed);
  }

  /** How many there were so far. */
  get count(): number {
    return this.#started;
  }

  /** Runs some to their ends, `clients` at a time. @throws when too many of all did not end as they must */
  async run(jobs: number, clients: number): Promise<void> {
    const last = this.#started + jobs;
    const client = async (): Promise<void> => {
      while (this.#started < last) {
        await this.#runOne();
        if (this.problems.length >= MOST_PROBLEMS) throw new Error(`${this.problems.length} jobs did not end as they must: ${this.problems[0]}`);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  async #runOne(): Promise<void> {
    const { name, body, reason } = this.#pick();
    const text = JSON.stringify(body(this.#started++));
    try {
      const answer = reason === CANCELLED ? await this.#runAndCancel(text) : await this.#world.api("POST", this.#workspace, "/jobs?wait=50", text);
      const job = answer.status === 200 ? (JSON.parse(answer.text) as JobEnd) : {};
      if (job.exit?.reason !== reason) this.problems.push(`${name}: ${answer.status} ${answer.text.slice(0, 300)}`);
    } catch (error) {
      this.problems.push(`${name}: ${messageOf(error)}`);
    }
  }

  /** Cancels a job when its process runs. @returns the answer about its end */
  async #runAndCancel(body: string): ReturnType<World["api"]> {
    const { id = "" } = JSON.parse((await this.#world.api("POST", this.#workspace, "/jobs", body)).text) as JobEnd;
    const look = (): ReturnType<World["api"]> => this.#world.api("GET", this.#workspace, `/jobs/${id}`);
    const statusOf = async (): Promise<string | undefined> => (JSON.parse((await look()).text) as JobEnd).status;
    await until("the job runs", async () => (await statusOf()) === "running");
    await this.#world.api("POST", this.#workspace, `/jobs/${id}/cancel`, "{}");
    await until("it has ended", async () => (await statusOf()) === "cancelled");
    return await look();
  }

  #pick(): Kind {
    const all = KINDS.reduce((sum, { share }) => sum + share, 0);
    let left = this.#random() * all;
    const found = KINDS.find(({ share }) => {
      left -= share;
      return left < 0;
    });
    if (found === undefined) throw new Error("the shares of the kinds do not add up");
    return found;
  }
}

interface JobEnd {
  readonly id?: string;
  readonly status?: string;
  readonly exit?: { readonly reason: string };
}
