import type { FastifyContextConfig, FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { byPath } from "../variables/contract.ts";
import { addSecret, newSecret, type SecretView, secretList } from "./contract.ts";
import type { OwnedSecrets } from "./owned-secrets.ts";
import type { ListedSecret } from "./sealed-secrets.ts";

const params = z.object({ workspace: z.string() });

/** What differs between the owners. */
interface OwnerWords {
  /** Of the path, and of the description: `triggers`. */
  readonly domain: "triggers" | "hooks";
  /** In names of operations: `listTriggerSecrets`. */
  readonly name: "Trigger" | "Hook";
  readonly read: FastifyContextConfig;
  readonly write: FastifyContextConfig;
  readonly list: string;
  readonly add: string;
  readonly remove: string;
}

/** Routes for the secrets of triggers or hooks: each is shown once, and never again. */
export function addOwnedSecretRoutes(root: FastifyInstance, owned: OwnedSecrets, words: OwnerWords): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { domain, name } = words;
  const url = `/api/v1/w/:workspace/${domain}/secrets`;
  const tags = [domain];
  app.get(
    url,
    {
      config: words.read,
      schema: {
        tags,
        operationId: `list${name}Secrets`,
        summary: words.list,
        params,
        querystring: byPath,
        response: { 200: secretList, default: problemView },
      },
    },
    async (request) => ({ secrets: (await owned.secrets(callerOf(request).workspace.id, request.query.path)).map(presentSecret) }),
  );
  app.post(
    url,
    {
      config: words.write,
      schema: {
        tags,
        operationId: `add${name}Secret`,
        summary: "Add a secret, and show it this once",
        description: words.add,
        params,
        querystring: byPath,
        body: addSecret.nullish(),
        response: { 201: newSecret, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { secret: text, others_for_s: othersForS } = request.body ?? {};
      const { secret, listed } = await owned.addSecret(workspace.id, request.query.path, text, principal.label, othersForS);
      return reply.code(201).send({ ...presentSecret(listed), secret });
    },
  );
  app.delete(
    url,
    {
      config: words.write,
      schema: {
        tags,
        operationId: `delete${name}Secret`,
        summary: words.remove,
        params,
        querystring: byPath.extend({ id: z.string().max(100) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await owned.removeSecret(workspace.id, request.query.path, request.query.id, principal.label);
      return reply.code(204).send(null);
    },
  );
}

function presentSecret({ id, createdAt, createdBy, expiresAt }: ListedSecret): SecretView {
  return { id, created_at: createdAt.toISOString(), created_by: createdBy, ...(expiresAt !== undefined && { expires_at: expiresAt.toISOString() }) };
}
