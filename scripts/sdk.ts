// npm run sdk: writes the types of the client, from the description of the API. Asks a server that runs (its address as argument), or starts one for it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { startControlPlane } from "../control-plane/main.ts";
import { ROOT } from "./gates.ts";
import { type OpenApiDocument, openApiTypes } from "./openapi-types.ts";

async function fetchDocument(url: string): Promise<OpenApiDocument> {
  const response = await fetch(`${url}/api/v1/openapi.json`);
  if (!response.ok) throw new Error(`${url} answered with ${response.status}`);
  return (await response.json()) as OpenApiDocument;
}

/** A server of its own, with a database of its own, as long as it is asked. */
async function fromOwnServer(): Promise<OpenApiDocument> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-sdk-"));
  const env = { ...process.env, MILLRACE_STATE_DIR: folder, MILLRACE_HTTP_PORT: "0", MILLRACE_GRPC_PORT: "0" };
  // The folder of state is looked for in the environment of the process.
  process.env["MILLRACE_STATE_DIR"] = folder;
  const server = await startControlPlane(env, { log: pino({ level: "silent" }) });
  try {
    return await fetchDocument(server.httpUrl);
  } finally {
    await server.stop("done");
    rmSync(folder, { recursive: true, force: true });
  }
}

const [given] = process.argv.slice(2);
const document = given === undefined ? await fromOwnServer() : await fetchDocument(given);
writeFileSync(join(ROOT, "sdk/gen/api.ts"), openApiTypes(document));
process.stdout.write(`sdk/gen: ${Object.keys(document.paths).length} paths\n`);
process.exit(0);
