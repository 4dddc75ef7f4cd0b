import type { FastifyInstance, FastifyRequest, preSerializationHookHandler } from "fastify";

/** Where the thing is that an operation has made: a path below the workspace, `{name}` a member of the answer. */
const BELOW_WORKSPACE: Readonly<Record<string, string>> = {
  runJob: "jobs/{id}",
  rerunJob: "jobs/{id}",
  restartFlow: "jobs/{id}",
  testFlowStep: "jobs/{id}",
  runSchedule: "jobs/{job}",
  cancelJob: "jobs/{id}",
  cancelJobs: "bulk/{id}",
  rerunJobs: "bulk/{id}",
  deployScript: "scripts/by-hash/{hash}",
  deployFlow: "flows/by-hash/{hash}",
  sendDeliveryAgain: "hooks/deliveries/{id}",
};
const ELSEWHERE: Readonly<Record<string, string>> = { createAccount: "/api/v1/accounts/{id}", signUp: "/api/v1/me" };

/** Operations whose 201 and 202 name the place of what was made. A PUT has made what it was sent to; tokens and the like are in lists alone. */
export const HAS_LOCATION: ReadonlySet<string> = new Set([...Object.keys(BELOW_WORKSPACE), ...Object.keys(ELSEWHERE)]);

/** Adds `Location` to answers of routes that are added later. */
export function addLocations(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    const { operationId = "" } = route.schema ?? {};
    const [below, elsewhere] = [BELOW_WORKSPACE[operationId], ELSEWHERE[operationId]];
    if (below === undefined && elsewhere === undefined) return;
    const tell: preSerializationHookHandler = (request, reply, payload, done) => {
      if (reply.statusCode === 201 || reply.statusCode === 202) {
        const place = below === undefined ? (elsewhere ?? "") : `/api/v1/w/${workspaceOf(request)}/${below}`;
        const path = filledIn(place, payload);
        if (path !== undefined) reply.header("location", path);
      }
      done(null, payload);
    };
    route.preSerialization = [route.preSerialization ?? [], tell].flat();
  });
}

function workspaceOf({ params }: FastifyRequest): string {
  const name: unknown = typeof params === "object" && params !== null ? Reflect.get(params, "workspace") : undefined;
  return typeof name === "string" ? encodeURIComponent(name) : "";
}

/** Undefined: the answer does not name it. */
function filledIn(path: string, payload: unknown): string | undefined {
  const name = /\{(\w+)\}/.exec(path)?.[1];
  if (name === undefined) return path;
  const value: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, name) : undefined;
  return typeof value === "string" ? path.replace(`{${name}}`, () => encodeURIComponent(value)) : undefined;
}
