import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { asAccountId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { principalOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { listAccounts } from "./account-store.ts";
import { type Accounts, noAccount } from "./accounts.ts";
import { accountPage, accountQuery, accountView, changedAccount, newAccount } from "./contract.ts";
import { presentAccount } from "./present.ts";

const path = "/api/v1/accounts";
const tags = ["accounts"];
const config = { permission: "instance:manage", scope: "instance" } as const;
const params = z.object({ account: z.string().regex(/^[0-9]{1,18}$/) });
const PAGE = 100;

/** People of the instance, for its administrators. */
export function addAccountRoutes(root: FastifyInstance, pool: Pool, accounts: Accounts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    path,
    {
      config,
      schema: {
        tags,
        operationId: "listAccounts",
        summary: "Accounts of people, in the order in which they were made",
        querystring: accountQuery,
        response: { 200: accountPage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "0", limit = PAGE } = request.query;
      const found = await listAccounts(pool, { after: cursor, limit: limit + 1, prefix });
      const { page, next } = pageOf(found, limit, ({ id }) => id);
      return { accounts: page.map(presentAccount), ...next };
    },
  );
  app.post(
    path,
    {
      config: { ...config, confirmed: true },
      schema: { tags, operationId: "createAccount", summary: "Make an account", body: newAccount, response: { 201: accountView, default: problemView } },
    },
    async (request, reply) => {
      const { email, name, password, is_instance_admin: isInstanceAdmin, member_of: memberOf } = request.body;
      const account = await accounts.create({ email, name, password, isInstanceAdmin, memberOf }, principalOf(request).label);
      return reply.code(201).send(presentAccount(account));
    },
  );
  app.get(
    `${path}/:account`,
    { config, schema: { tags, operationId: "getAccount", summary: "One account", params, response: { 200: accountView, default: problemView } } },
    async (request) => {
      const account = await accounts.find(asAccountId(request.params.account));
      if (account?.email === undefined) throw noAccount();
      return presentAccount(account);
    },
  );
  app.patch(
    `${path}/:account`,
    {
      config: { ...config, confirmed: true },
      schema: {
        tags,
        operationId: "changeAccount",
        summary: "Disable an account, make it an administrator, give it a new password",
        params,
        body: changedAccount,
        response: { 200: accountView, default: problemView },
      },
    },
    async (request) => {
      const { name, password, is_instance_admin: isInstanceAdmin, disabled: isDisabled } = request.body;
      const changes = { name, password, isInstanceAdmin, isDisabled };
      return presentAccount(await accounts.change(asAccountId(request.params.account), changes, principalOf(request).label));
    },
  );
}
