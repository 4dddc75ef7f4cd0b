import { z } from "zod";

/** RFC 9457 problem details, with our code, the fields that are wrong, a hint and the request's id. */
export const problemView = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
  hint: z.string().optional(),
  request_id: z.string(),
});
