import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { parseJsonBody } from "../http/exact-json.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { addOwnedSecretRoutes } from "../secrets/owned-secret-routes.ts";
import { byPath } from "../variables/contract.ts";
import { type DeliveryView, deliveryListQuery, deliveryPage, deliveryView, deliveryWithPayload } from "./contract.ts";
import type { StoredDelivery } from "./delivery-store.ts";
import type { Hooks } from "./hooks.ts";

const base = "/api/v1/w/:workspace/hooks";
const params = z.object({ workspace: z.string() });
const ofDelivery = params.extend({ id: z.string().regex(/^\d{1,18}$/, "is not the id of a delivery") });
const tags = ["hooks"];
const PAGE = 50;

/** What was sent to hooks, and their secrets. */
export function addDeliveryRoutes(root: FastifyInstance, hooks: Hooks): void {
  addReading(root, hooks);
  addSending(root, hooks);
  addOwnedSecretRoutes(root, hooks, {
    domain: "hooks",
    name: "Hook",
    read: { permission: "hooks:read" },
    write: { permission: "hooks:write" },
    list: "Which secrets sign the deliveries of a hook",
    add: "Deliveries are signed with all that are good, so the receiver can change to it when it likes.",
    remove: "Delete a secret: nothing is signed with it any more",
  });
}

function addReading(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/deliveries`,
    {
      config: { permission: "hooks:read" },
      schema: {
        tags,
        operationId: "listDeliveries",
        summary: "What was sent to a hook, newest first",
        params,
        querystring: deliveryListQuery,
        response: { 200: deliveryPage, default: problemView },
      },
    },
    async (request) => {
      const { path, status, cursor, limit = PAGE } = request.query;
      const found = await hooks.deliveries(callerOf(request).workspace.id, path, { status, before: cursor, limit: limit + 1 });
      const { page, next } = pageOf(found, limit, ({ id }) => id);
      return { deliveries: page.map(presentDelivery), ...next };
    },
  );
  app.get(
    `${base}/deliveries/:id`,
    {
      config: { permission: "hooks:read" },
      schema: {
        tags,
        operationId: "getDelivery",
        summary: "One delivery, with what is sent",
        params: ofDelivery,
        response: { 200: deliveryWithPayload, default: problemView },
      },
    },
    async (request) => {
      const found = await hooks.delivery(callerOf(request).workspace.id, request.params.id);
      return { ...presentDelivery(found), payload: parseJsonBody(found.payload) };
    },
  );
}

function addSending(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    `${base}/deliveries/:id/again`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "sendDeliveryAgain",
        summary: "Send a delivery again, under the same id",
        description: "Also one that was delivered, or is dead. Its attempts count from one.",
        params: ofDelivery,
        response: { 202: deliveryView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      return reply.code(202).send(presentDelivery(await hooks.again(workspace.id, request.params.id, principal.label)));
    },
  );
  app.post(
    `${base}/test`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "testHook",
        summary: "Send something to a hook, and say what became of it",
        description: "Also to one that is paused. It is tried once.",
        params,
        querystring: byPath,
        response: { 200: deliveryView, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal } = callerOf(request);
      return presentDelivery(await hooks.test(workspace, request.query.path, principal.label));
    },
  );
}

function presentDelivery(delivery: StoredDelivery): DeliveryView {
  const { id, hook, event, kind, status, attempts, dueAt, createdAt, endedAt } = delivery;
  return {
    id,
    hook,
    event,
    kind,
    status,
    attempts: [...attempts],
    ...(dueAt !== undefined && { next_attempt_at: dueAt.toISOString() }),
    created_at: createdAt.toISOString(),
    ...(endedAt !== undefined && { ended_at: endedAt.toISOString() }),
  };
}
