import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { keyList, rotated } from "./contract.ts";
import { keyUses } from "./key-store.ts";
import type { SecretRotation } from "./rotation.ts";

const params = z.object({ workspace: z.string() });
const tags = ["secrets"];

export function addSecretRoutes(root: FastifyInstance, pool: Pool, rotation: SecretRotation): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/w/:workspace/secrets/keys",
    {
      config: { permission: "secrets:rotate" },
      schema: {
        tags,
        operationId: "listSecretKeys",
        summary: "Keys with which the secrets of the workspace are sealed, newest first",
        description: "A rotation is over when there is one. The keys themselves are shown to nobody.",
        params,
        response: { 200: keyList, default: problemView },
      },
    },
    async (request) => {
      const uses = await keyUses(pool, callerOf(request).workspace.id);
      return { keys: uses.map(({ version, createdAt, secrets }) => ({ version, created_at: createdAt.toISOString(), secrets })) };
    },
  );
  app.post(
    "/api/v1/w/:workspace/secrets/rotate",
    {
      config: { permission: "secrets:rotate" },
      schema: {
        tags,
        operationId: "rotateSecrets",
        summary: "Seal the secrets of the workspace with a new key",
        description: "New secrets use it at once; the others follow in the background, while jobs run. The old key is deleted after the last one.",
        params,
        response: { 202: rotated, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      return reply.code(202).send({ version: await rotation.rotate(workspace.id, principal.label) });
    },
  );
}
