import type { FastifyInstance } from "fastify";
import type { Metrics } from "../telemetry/metrics.ts";
import { completeOpenApi } from "./openapi.ts";

export interface Readiness {
  readonly ready: boolean;
  readonly status: string;
  readonly reasons: readonly string[];
  /** What this replica knows of its cluster. */
  readonly cluster: { readonly replica: string; readonly shards_owned: number; readonly shards_missing: number; readonly peers: number };
}

/** Routes for those who run Millrace: health, readiness, metrics, the API's description. They show no tenant's data and need no token. */
export function addOperationsRoutes(app: FastifyInstance, metrics: Metrics, readiness: () => Promise<Readiness>): void {
  const open = { config: { permission: "public" as const }, schema: { hide: true } };

  // The event loop answers: restart the process when it does not.
  app.get("/healthz", open, async () => ({ status: "ok" }));

  // Requests can be served: take the replica out of the load balancer when not.
  app.get("/readyz", open, async (_request, reply) => {
    const state = await readiness();
    return reply.code(state.ready ? 200 : 503).send({ status: state.status, reasons: state.reasons, cluster: state.cluster });
  });

  app.get("/metrics", open, async (_request, reply) =>
    reply
      .type(metrics.registry.contentType)
      .serializer(String)
      .send(await metrics.registry.metrics()),
  );

  // Made once: nobody adds routes to a server that answers.
  let description: string | undefined;
  app.get("/api/v1/openapi.json", open, async (_request, reply) => {
    description ??= JSON.stringify(completeOpenApi(app.swagger()));
    return reply.type("application/json; charset=utf-8").serializer(String).send(description);
  });

  app.addHook("onResponse", async (request, reply) => {
    metrics.request(request.routeOptions.url ?? "unknown", reply.statusCode, reply.elapsedTime);
  });
}
