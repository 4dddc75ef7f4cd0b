import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { parseJsonBody } from "../http/exact-json.ts";
import { problemView } from "../http/problem-contract.ts";
import { newSecret } from "../triggers/contract.ts";
import { presentSecret } from "../triggers/secret-routes.ts";
import { byPath } from "../variables/contract.ts";
import { addHookSecret, type DeliveryView, deliveryListQuery, deliveryPage, deliveryView, deliveryWithPayload, hookSecretList } from "./contract.ts";
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
  addSecrets(root, hooks);
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
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return { deliveries: page.map(presentDelivery), ...(found.length > limit && last !== undefined && { next_cursor: last.id }) };
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

function addSecrets(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/secrets`,
    {
      config: { permission: "hooks:read" },
      schema: {
        tags,
        operationId: "listHookSecrets",
        summary: "Which secrets sign the deliveries of a hook",
        params,
        querystring: byPath,
        response: { 200: hookSecretList, default: problemView },
      },
    },
    async (request) => ({ secrets: (await hooks.secrets(callerOf(request).workspace.id, request.query.path)).map(presentSecret) }),
  );
  app.post(
    `${base}/secrets`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "addHookSecret",
        summary: "Add a secret, and show it this once",
        description: "Deliveries are signed with all that are good, so the receiver can change to it when it likes.",
        params,
        querystring: byPath,
        body: addHookSecret.nullish(),
        response: { 201: newSecret, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { secret: text, others_for_s: othersForS } = request.body ?? {};
      const { secret, listed } = await hooks.addSecret(workspace.id, request.query.path, text, principal.label, othersForS);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...presentSecret(listed), secret });
    },
  );
  app.delete(
    `${base}/secrets`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "deleteHookSecret",
        summary: "Delete a secret: nothing is signed with it any more",
        params,
        querystring: byPath.extend({ id: z.string().max(100) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await hooks.removeSecret(workspace.id, request.query.path, request.query.id, principal.label);
      return reply.code(204).send(null);
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
