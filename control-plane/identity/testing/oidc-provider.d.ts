// The package has no types of its own; this is what the tests use.
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  interface Account {
    readonly accountId: string;
    claims(): Promise<Record<string, unknown>>;
  }
  interface Configuration {
    readonly clients: readonly {
      readonly client_id: string;
      readonly client_secret: string;
      readonly redirect_uris: readonly string[];
      readonly token_endpoint_auth_method: string;
    }[];
    readonly claims: Readonly<Record<string, readonly string[]>>;
    readonly findAccount: (context: unknown, id: string) => Promise<Account | undefined>;
    readonly pkce: { readonly required: () => boolean };
    readonly cookies: { readonly keys: readonly string[] };
    readonly jwks: { readonly keys: readonly object[] };
  }
  export class Provider {
    constructor(issuer: string, configuration: Configuration);
    callback(): RequestListener;
  }
}
