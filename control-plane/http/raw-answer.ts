import type { FastifyReply } from "fastify";

/** Of whatever route: its types say nothing here. */
export interface AnyReply {
  readonly raw: FastifyReply["raw"];
  hijack(): unknown;
  getHeaders(): ReturnType<FastifyReply["getHeaders"]>;
}

/** For an answer that is written past fastify and the types of its route. @returns the raw answer, with the headers that were set so far */
export function takeOver(reply: AnyReply): FastifyReply["raw"] {
  const { raw } = reply;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  return raw;
}
