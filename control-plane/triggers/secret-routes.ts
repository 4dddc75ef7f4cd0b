import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import type { ListedSecret } from "../secrets/sealed-secrets.ts";
import { byPath } from "../variables/contract.ts";
import { addSecret, newSecret, type SecretView, secretList } from "./contract.ts";
import type { Triggers } from "./triggers.ts";

const base = "/api/v1/w/:workspace/triggers/secrets";
const params = z.object({ workspace: z.string() });
const tags = ["triggers"];

/** Secrets of triggers: shown once, and never again. */
export function addTriggerSecretRoutes(root: FastifyInstance, triggers: Triggers): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "triggers:read", path: queryPath },
      schema: {
        tags,
        operationId: "listTriggerSecrets",
        summary: "Which secrets of a trigger are good now",
        params,
        querystring: byPath,
        response: { 200: secretList, default: problemView },
      },
    },
    async (request) => {
      const found = await triggers.secrets(callerOf(request).workspace.id, request.query.path);
      return { secrets: found.map(presentSecret) };
    },
  );
  app.post(
    base,
    {
      config: { permission: "triggers:write", path: queryPath },
      schema: {
        tags,
        operationId: "addTriggerSecret",
        summary: "Add a secret, and show it this once",
        description:
          "All secrets of a trigger are good at a time: add the new one, give it to the other side, then delete the old one. Or let the others end by `others_for_s`.",
        params,
        querystring: byPath,
        body: addSecret.nullish(),
        response: { 201: newSecret, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { secret: text, others_for_s: othersForS } = request.body ?? {};
      const { secret, listed } = await triggers.addSecret(workspace.id, request.query.path, text, principal.label, othersForS);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...presentSecret(listed), secret });
    },
  );
  app.delete(
    base,
    {
      config: { permission: "triggers:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteTriggerSecret",
        summary: "Delete a secret: whoever has it cannot call any more",
        params,
        querystring: byPath.extend({ id: z.string().max(100) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await triggers.removeSecret(workspace.id, request.query.path, request.query.id, principal.label);
      return reply.code(204).send(null);
    },
  );
}

export function presentSecret({ id, createdAt, createdBy, expiresAt }: ListedSecret): SecretView {
  return { id, created_at: createdAt.toISOString(), created_by: createdBy, ...(expiresAt !== undefined && { expires_at: expiresAt.toISOString() }) };
}
