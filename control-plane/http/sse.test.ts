import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { addAuthorization } from "./authorize.ts";
import { openEventStream } from "./sse.ts";

const workspace = { id: asWorkspaceId("7"), name: "w" };
const good = new Set(["one", "two", "left", "blind"]);
/** Whose token is good, and of another workspace by now; and who does not see any more what is streamed. */
const left = new Set<string>();
const blind = new Set<string>();
/** What is wrong with the database at the moment. */
let trouble: AppError | undefined;
const app = Fastify();
let address = "";

beforeAll(async () => {
  const authenticate = async (header: string | undefined) => {
    if (trouble !== undefined) throw trouble;
    if (!good.has(header ?? "")) throw new AppError("unauthenticated", "the token is unknown, expired or revoked");
    const id = left.has(header ?? "") ? asWorkspaceId("8") : workspace.id;
    return { kind: "job", tokenId: "t", label: "a job", workspace: id, workspaceName: workspace.name } as const;
  };
  addAuthorization(app, { authenticate }, { byName: async () => workspace });
  app.get("/w/:workspace/events", { config: { permission: "jobs:read" } }, async (request, reply) => {
    const still = async (): Promise<void> => {
      if (blind.has(request.headers.authorization ?? "")) throw new AppError("not_found", "there is no job");
    };
    const stream = openEventStream(request, reply, { still, heartbeatMs: 20 });
    await new Promise((resolve) => stream.signal.addEventListener("abort", resolve));
  });
  address = await app.listen({ port: 0, host: "127.0.0.1" });
});

afterAll(async () => {
  const closed = app.close();
  app.server.closeAllConnections();
  await closed;
});

/** Reads until so many heartbeats have come, or the stream has ended. */
async function follow(token: string): Promise<(beats: number) => Promise<"beats" | "ended">> {
  const response = await fetch(`${address}/w/w/events`, { headers: { authorization: token } });
  const reader = response.body?.getReader();
  return async (beats) => {
    for (let seen = 0; seen < beats; ) {
      const piece = await reader?.read().catch(() => undefined);
      if (piece?.value === undefined) return "ended";
      seen += Buffer.from(piece.value).toString().split("still here").length - 1;
    }
    return "beats";
  };
}

test("a stream ends when the token that opened it is not good any more, and not for a database that is away", async () => {
  const [one, two] = [await follow("one"), await follow("two")];
  expect([await one(2), await two(2)]).toEqual(["beats", "beats"]);
  trouble = new AppError("unavailable", "the database cannot be reached");
  expect([await one(3), await two(3)]).toEqual(["beats", "beats"]);
  trouble = undefined;
  good.delete("one");
  expect([await one(1_000), await two(3)]).toEqual(["ended", "beats"]);
});

test("a stream ends when its reader is not let into the workspace any more, or does not see what is streamed", async () => {
  const [leaver, loser, other] = [await follow("left"), await follow("blind"), await follow("two")];
  expect([await leaver(2), await loser(2)]).toEqual(["beats", "beats"]);
  left.add("left");
  blind.add("blind");
  expect([await leaver(1_000), await loser(1_000), await other(3)]).toEqual(["ended", "ended", "beats"]);
});
