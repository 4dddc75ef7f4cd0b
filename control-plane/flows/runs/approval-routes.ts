import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../../http/authorize.ts";
import { problemView } from "../../http/problem-contract.ts";
import { jobIdOf, ofJob } from "../../jobs/routes.ts";
import type { Approvals } from "./approvals.ts";
import { answerRequest, approvalView, invitation, inviteRequest, RUN_LIMITS } from "./contract.ts";

const tags = ["flows"];
const ofLink = z.object({ token: z.string().max(4000) });
const payload = z.unknown().meta({ description: "What the flow sees as `resume`. To approve it has to fit the form of the step, if there is one." });
const taken = z.object({ taken: z.literal(true) });

export function addApprovalRoutes(root: FastifyInstance, approvals: Approvals): void {
  addMemberRoutes(root, approvals);
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "public" } as const;
  const bodyLimit = RUN_LIMITS.approvalBytes * 2;

  app.get(
    "/api/v1/approvals/:token",
    {
      config,
      schema: {
        tags,
        operationId: "getApproval",
        summary: "What a link to a waiting step is about",
        description: "The link itself is the permission. GET changes nothing, so that previews of links are harmless.",
        params: ofLink,
        response: { 200: approvalView, default: problemView },
      },
    },
    async (request, reply) => {
      await approvals.admit(request.params.token);
      return reply.header("referrer-policy", "no-referrer").send(await approvals.about(request.params.token));
    },
  );

  for (const [path, approved, operationId, summary] of [
    ["/api/v1/approvals/:token", true, "approveStep", "Let a waiting step go on"],
    ["/api/v1/approvals/:token/cancel", false, "refuseStep", "Refuse a waiting step"],
  ] as const) {
    app.post(
      path,
      { config, bodyLimit, schema: { tags, operationId, summary, params: ofLink, body: payload.nullish(), response: { 202: taken, default: problemView } } },
      async (request, reply) => {
        await approvals.admit(request.params.token);
        await approvals.answerLink(request.params.token, approved, request.body);
        return reply.code(202).send({ taken: true });
      },
    );
  }
}

function addMemberRoutes(root: FastifyInstance, approvals: Approvals): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/w/:workspace/jobs/:id/flow/invite",
    {
      config: { permission: "jobs:invite", path: "inside" },
      schema: {
        tags,
        operationId: "inviteApprover",
        summary: "Links for somebody who is to answer for a waiting step",
        description: "The links are made and not stored: the same request gives the same ones.",
        params: ofJob,
        body: inviteRequest.nullish(),
        response: { 200: invitation, default: problemView },
      },
    },
    async (request) => approvals.invite(callerOf(request), jobIdOf(request), request.body?.step, request.body?.approver),
  );
  app.post(
    "/api/v1/w/:workspace/jobs/:id/flow/answer",
    {
      config: { permission: "jobs:approve", path: "inside" },
      schema: {
        tags,
        operationId: "answerStep",
        summary: "Let a waiting step go on, or refuse it, under one's own name",
        params: ofJob,
        body: answerRequest,
        response: { 202: taken, default: problemView },
      },
    },
    async (request, reply) => {
      const { step, approve, payload: given } = request.body;
      await approvals.answer(callerOf(request), jobIdOf(request), step, approve, given);
      return reply.code(202).send({ taken: true });
    },
  );
}
