import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { World } from "./harness.ts";

/** Who calls a route, as the table in docs/windmill.md names them: a package of Windmill's, or none of them. */
export type Caller = "Python" | "TypeScript" | "command line" | "HTTP";

const PAGE = new URL("../docs/windmill.md", import.meta.url);
const ROW = /^\| `(?:GET|POST|DELETE) (\/\S+)` +\| ([^|]+?) +\|/gm;
const COUNT = /^millrace_http_request_seconds_count\{route="\/api\/w\/:workspace([^"]*)",status="2xx"\} (\d+)$/gm;

/** How often the server has answered a route of Windmill's with success, by its pattern as the table has it. No two routes have one pattern. */
export type Answered = ReadonlyMap<string, number>;

export async function answered({ httpPort }: World): Promise<Answered> {
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const asListed = (pattern = ""): string => pattern.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{path}");
  return new Map([...metrics.matchAll(COUNT)].map(([, pattern, count]) => [asListed(pattern), Number(count)]));
}

/** Fails with the names of the routes that a caller is said to call and that have not been answered with success. @param before counts that are not its own */
export async function expectCalled(world: World, caller: Caller, before: Answered = new Map()): Promise<void> {
  const listed = [...readFileSync(PAGE, "utf8").matchAll(ROW)];
  const routes = listed.filter(([, , callers]) => callers?.split(", ").includes(caller)).map(([, route = ""]) => route);
  expect(routes, `routes that ${caller} calls`).not.toEqual([]);
  // A request is counted after the last byte of its answer.
  const missing = async (): Promise<string[]> => {
    const now = await answered(world);
    return routes.filter((route) => (now.get(route) ?? 0) === (before.get(route) ?? 0));
  };
  await expect.poll(missing, { message: `routes that ${caller} is said to call, and that have not been answered with success` }).toEqual([]);
}
