import type { FastifyInstance } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import { VERSION } from "../../kernel/protocol.ts";
import { HIDDEN } from "./common.ts";

/** Everything of Windmill's API that is not here: said in so many words, before anybody asks who is calling. */
export function addWindmillRest(app: FastifyInstance): void {
  app.get("/api/version", { config: { permission: "public" }, schema: HIDDEN }, async (_request, reply) =>
    reply.type("text/plain").send(`Millrace ${VERSION}`),
  );
  // Asked before any workspace is: what a token may do is told below a workspace.
  app.get("/api/users/whoami", { config: { permission: "public" }, schema: HIDDEN }, async () => ({
    email: "",
    login_type: "token",
    super_admin: false,
    verified: true,
  }));
  app.all("/api/w/*", { config: { permission: "public" }, schema: HIDDEN }, async (request) => {
    throw new AppError("unimplemented", `Millrace does not offer ${request.method} ${request.url.split("?")[0]?.slice(0, 200) ?? ""}`, {
      hint: "docs/windmill.md lists what Windmill's clients can do here; the API of Millrace is described at /api/v1/openapi.json",
    });
  });
}
