import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./gen/api.ts";

export interface MillraceOptions {
  /** Where the server is, such as https://millrace.example.com. */
  readonly url: string;
  readonly token: string;
  /** Instead of the one of the platform. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** What has a name in the API: `Schemas["Job"]`. */
export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type MillraceClient = Client<paths>;

/** A client of the whole API: `client.GET(path, { params })` and so on, with the types of each route. */
export function createMillrace({ url, token, fetch }: MillraceOptions): MillraceClient {
  return createClient<paths>({
    baseUrl: url.replace(/\/+$/, ""),
    headers: { authorization: `Bearer ${token}` },
    ...(fetch !== undefined && { fetch }),
  });
}

/** What the server refused, with its code, the fields that are wrong, and a hint. */
export class MillraceError extends Error {
  readonly status: number;
  /** Undefined when something in the server's place has answered. */
  readonly problem: Problem | undefined;

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.detail ?? `the server answered with status ${status}`);
    this.name = "MillraceError";
    this.status = status;
    this.problem = problem;
  }
}

/** The data of an answer. Throws MillraceError when the server refused. */
export async function ok<Data>(answer: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  const { data, error, response } = await answer;
  if (data !== undefined) return data;
  throw new MillraceError(response.status, isProblem(error) ? error : undefined);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}
