import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Approvals } from "../flows/runs/approvals.ts";
import { RUN_LIMITS } from "../flows/runs/contract.ts";
import { callerOf } from "../http/authorize.ts";
import { jobIdOf } from "../jobs/routes.ts";
import { HIDDEN, ofJob, text } from "./common.ts";

const query = z.looseObject({ approver: text.max(RUN_LIMITS.approverChars).optional() });

/** Links by which people let a flow go on: ours, in Windmill's words. The number that its clients give them means nothing here. */
export function addWindmillResumes(root: FastifyInstance, approvals: Pick<Approvals, "inviteAhead">): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    "/api/w/:workspace/jobs/resume_urls/:id/:resume",
    {
      config: { permission: "jobs:invite", path: "inside" },
      schema: { ...HIDDEN, params: ofJob.extend({ resume: z.string().max(30) }), querystring: query },
    },
    async (request) => {
      const { resume_url: resume, cancel_url: cancel } = await approvals.inviteAhead(callerOf(request), jobIdOf(request), request.query.approver);
      return { approvalPage: resume, resume, cancel };
    },
  );
}
