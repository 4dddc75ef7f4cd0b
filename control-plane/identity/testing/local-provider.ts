import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import { Browser } from "./identity-server.ts";

/** A real identity provider on loopback, at which everybody can log in as anybody. */
export interface LocalProvider {
  readonly issuer: string;
  /** What it says of people, by their subject. */
  readonly people: Map<string, { email?: string; email_verified?: boolean; name?: string }>;
  /** Logs in and consents, as a person in a browser does. @returns the address that the browser is sent back to */
  visit(url: string, subject: string): Promise<string>;
  close(): Promise<void>;
}

export interface ProviderSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenAuth: "client_secret_basic" | "client_secret_post";
  /** Where it may send browsers back to. */
  readonly redirectUri: () => string;
}

const MAX_STEPS = 10;

/** The package says on the console that its settings are those of a test, which they are. @returns what makes it audible again */
function quieten(): () => void {
  const { info, warn } = console;
  const unlessIts =
    (say: typeof info) =>
    (...words: unknown[]): void => {
      if (!String(words[0]).includes("oidc-provider ")) say(...words);
    };
  console.info = unlessIts(info);
  console.warn = unlessIts(warn);
  return () => Object.assign(console, { info, warn });
}

export async function startLocalProvider({ clientId, clientSecret, tokenAuth, redirectUri }: ProviderSettings): Promise<LocalProvider> {
  const people: LocalProvider["people"] = new Map();
  const restore = quieten();
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  let provider: ReturnType<Provider["callback"]> | undefined;
  // The client is registered when somebody first asks: our own address is known by then.
  server.on("request", (request, response) => {
    provider ??= new Provider(issuer, {
      clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri()], token_endpoint_auth_method: tokenAuth }],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people.get(id) }) }),
      pkce: { required: () => true },
      cookies: { keys: ["a key for the cookies of tests"] },
      jwks: { keys: [{ ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
    }).callback();
    provider(request, response);
  });
  return {
    issuer,
    people,
    async visit(url, subject) {
      const browser = new Browser(issuer);
      const form = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": undefined, "x-millrace-csrf": undefined };
      for (let at = url, step = 0; step < MAX_STEPS; step++) {
        if (!at.startsWith(issuer)) return at;
        const seen = await browser.ask("GET", at, undefined, form);
        const shown = /name="prompt" value="(login|consent)"/.exec(seen.text)?.[1];
        const answer = shown === undefined ? seen : await browser.ask("POST", at, `prompt=${shown}&login=${encodeURIComponent(subject)}&password=x`, form);
        const next = answer.headers.get("location");
        if (next === null) throw new Error(`the provider answered ${answer.status}: ${answer.text.slice(0, 500)}`);
        at = new URL(next, issuer).href;
      }
      throw new Error("the provider sends the browser round in circles");
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      restore();
    },
  };
}
