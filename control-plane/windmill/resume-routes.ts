import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Approvals } from "../flows/runs/approvals.ts";
import { RUN_LIMITS } from "../flows/runs/contract.ts";
import { callerOf } from "../http/authorize.ts";
import { jobIdOf } from "../jobs/routes.ts";
import { anyQuery, HIDDEN, ofJob, text } from "./common.ts";

const query = z.looseObject({ approver: text.max(RUN_LIMITS.approverChars).optional() });
const ofEvent = ofJob.extend({ resume: z.string().max(30) });
const signed = ofEvent.extend({ signature: z.string().max(4000) });

/**
 * Links by which people let a flow go on, and signatures of which programs make such links themselves: ours, in Windmill's words. All that counts is in the
 * signature: run, step and approver. The number that its clients give them means nothing here.
 */
export function addWindmillResumes(root: FastifyInstance, approvals: Pick<Approvals, "inviteAhead" | "answerLink" | "admit">): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "jobs:invite", path: "inside" } as const;
  const schema = { ...HIDDEN, params: ofEvent, querystring: query };

  app.get("/api/w/:workspace/jobs/resume_urls/:id/:resume", { config, schema }, async (request) => {
    const { resume_url: resume, cancel_url: cancel } = await approvals.inviteAhead(callerOf(request), jobIdOf(request), request.query.approver);
    return { approvalPage: resume, resume, cancel };
  });
  app.get("/api/w/:workspace/jobs/job_signature/:id/:resume", { config, schema }, async (request, reply) => {
    const { resume_url: link } = await approvals.inviteAhead(callerOf(request), jobIdOf(request), request.query.approver);
    return reply.type("text/plain").send(link.slice(link.lastIndexOf("/") + 1));
  });
  addAnswers(root, approvals);
}

/** Only by POST: a GET would let a mail program that looks at links decide. */
function addAnswers(root: FastifyInstance, approvals: Pick<Approvals, "answerLink" | "admit">): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const schema = { ...HIDDEN, params: signed, querystring: anyQuery, body: z.unknown().nullish() };
  const bodyLimit = RUN_LIMITS.approvalBytes * 2;
  for (const [answer, approved] of [
    ["resume", true],
    ["cancel", false],
  ] as const)
    app.post(
      `/api/w/:workspace/jobs_u/${answer}/:id/:resume/:signature`,
      { config: { permission: "public" }, bodyLimit, schema },
      async ({ params, body }, reply) => {
        await approvals.admit(params.signature);
        await approvals.answerLink(params.signature, approved, body);
        return reply.code(201).type("text/plain").send("taken");
      },
    );
}
