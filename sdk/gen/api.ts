// Made from the description of the API by npm run sdk. Do not edit.

export interface paths {
  "/api/v1/accounts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Accounts of people, in the order in which they were made. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: {
          /** What the address begins with. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            accounts: (components["schemas"]["Account"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make an account. Needs `instance:manage`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Capital letters make no difference. */
          email: string;
          /** Left out: the part of the address before the @. */
          name?: string;
          /** Left out: the person logs in by an identity provider. */
          password?: string;
          is_instance_admin?: boolean;
          /** Workspaces that it is a member of from the beginning. */
          member_of?: ({
            workspace: string;
            role: "viewer" | "operator" | "developer" | "admin";
          })[];
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Account"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/accounts/{account}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One account. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Number of the account. */
          account: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Account"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    /** Disable an account, make it an administrator, give it a new password. Needs `instance:manage`. */
    patch: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Number of the account. */
          account: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          name?: string;
          /** A new one; all sessions of the account end. */
          password?: string;
          is_instance_admin?: boolean;
          /** A disabled account has no sessions, and its tokens are refused within a second. */
          disabled?: boolean;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Account"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    trace?: never;
  };
  "/api/v1/approvals/{token}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What a link to a waiting step is about. The link itself is the permission. GET changes nothing, so that previews of links are harmless. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Approval"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Let a waiting step go on */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": unknown | null;
      } };
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            taken: true;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/approvals/{token}/cancel": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Refuse a waiting step */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": unknown | null;
      } };
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            taken: true;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/audit": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What was changed in the instance, by whom; newest first. One request looks at 10,000 rows at most: a page of a rare match may hold fewer, even none, and still have a `next_cursor`. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: {
          /** Exactly this one. */
          actor?: string;
          /** Exactly this one, such as variables:write. */
          action?: string;
          /** What the target begins with, such as `variable f/billing/`. */
          target?: string;
          /** Not before this moment. */
          from?: string;
          /** Before this moment. */
          to?: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            events: (components["schemas"]["AuditEvent"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/audit/export": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The whole chain of the instance as JSON lines, oldest first; the last line is its head. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: {
          /** Only rows after this number. */
          after?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/x-ndjson": string;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/audit/head": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The end of the chain of the instance, to be kept elsewhere. Whoever has it can show later that everything up to it is still there: `millrace audit verify --heads`. 404 before the first row. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["AuditHead"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/invitations/accept": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Become a member by an invitation. For people who have logged in. Who has no account yet signs up with the invitation. Needs `account:self`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          token: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            workspace: string;
            role: "viewer" | "operator" | "developer" | "admin";
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/invitations/preview": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** What an invitation is to */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          token: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            workspace: string;
            role: "viewer" | "operator" | "developer" | "admin";
            email: string | null;
            expires_at: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/login": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Log in with e-mail address and password. Begins a session and sets its cookie. After several wrong passwords a 429 says when to try again. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          email: string;
          password: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            account: components["schemas"]["Account"];
            expires_at: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/logout": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** End this session. Needs `account:self`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/me": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Who the caller is, and where it may do something. Needs `account:self`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Me"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    /** Delete the own account. Its sessions, tokens and memberships go. What it has made stays, with its name; schedules and triggers that it wrote last have the place of their code alone. A 409 for the last administrator of a workspace, or of the instance. Needs `account:self`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/me/confirm": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give the password again, for what a session alone is not enough for. Tokens, roles and accounts are changed in sessions that began, or were confirmed, within 15 minutes. Without a password: log in again. Needs `account:self`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          password: string;
        };
      } };
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/me/password": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    /** Change the own password. All other sessions end. Tokens stay. Needs `account:self`. */
    put: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** The password until now. */
          current: string;
          password: string;
        };
      } };
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/me/sessions": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The own sessions, newest first. Needs `account:self`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            sessions: (components["schemas"]["Session"])[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    /** End all own sessions but this one. Needs `account:self`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/me/sessions/{session}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** End one of the own sessions. Needs `account:self`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Id of the session. */
          session: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/oidc/{provider}/callback": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Where an identity provider sends the browser back to. Begins a session and goes on to the path that was named at the beginning. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the identity provider, as the options of sign-in have it. */
          provider: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        302: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/oidc/{provider}/start": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Begin a login at an identity provider. Sends back where the browser has to go, and sets a cookie that the way back needs, good for ten minutes. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the identity provider, as the options of sign-in have it. */
          provider: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Where the browser goes after the login. */
          return_to?: string;
          /** Token of an invitation to accept with the login. */
          invitation?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            url: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/sign-in-options": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** How people can log in here */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            sign_up: "open" | "invited" | "off";
            providers: ({
              name: string;
              title: string;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/sign-up": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Make an account and log in. Whether it needs an invitation is a setting of the instance. With one the account becomes a member of its workspace. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Capital letters make no difference. */
          email: string;
          name: string;
          password: string;
          /** Token of an invitation. Needed unless anybody may sign up. */
          invitation?: string;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            account: components["schemas"]["Account"];
            expires_at: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/tokens/revoke-by-secret": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** End a token of any kind by showing it. For whoever finds one where it should not be. The answer does not say whether there was such a token. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          token: string;
        };
      } };
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Connected agents that serve the workspace. Needs `agents:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            agents: (components["schemas"]["Agent"])[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/enrolled": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Agents that joined the workspace with a key, connected or not. The newest first. Needs `agents:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            next_cursor?: string;
            agents: (components["schemas"]["EnrolledAgent"])[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/join-tokens": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Join tokens, newest first, without their secrets. Used up and revoked ones, too. Needs `agents:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            tokens: (components["schemas"]["JoinToken"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a token with which hosts join the workspace as agents. Needs `agents:write`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          label?: string;
          /** How many agents may join with it. */
          uses?: number;
          expires_in_s?: number;
          /** Tags that its agents may serve; empty: all. */
          tags?: (string)[];
          /** Addresses that its agents may come from, as the control plane sees them; empty: all. */
          cidrs?: (string)[];
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            label: string;
            uses: number;
            used: number;
            tags: (string)[];
            cidrs: (string)[];
            created_by: string;
            created_at: string;
            expires_at: string;
            status: "usable" | "used_up" | "expired" | "revoked";
            /** Shown once: only its hash is stored. */
            token: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/join-tokens/{token}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Revoke a join token. Agents that joined with it stay. Needs `agents:write`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Revoke an agent. Its stream is ended within a second, at whichever replica it is; it kills its jobs and ends, and is refused from now on. Its jobs start again elsewhere after MILLRACE_RECLAIM_MS. An agent with a long-lived token could come back under another id: revoke that token too. Needs `agents:write`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            paused: boolean;
            draining: boolean;
            revoked: boolean;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/{id}/drain": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Let an agent finish and end. It takes no new jobs, ends what it runs within its own grace, hands back the rest and ends its process with 0. One that is started again serves as before. Needs `agents:write`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            paused: boolean;
            draining: boolean;
            revoked: boolean;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/{id}/pause": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give an agent no new jobs. What it runs goes on. Holds until it is resumed, also when the agent or the control plane starts again. A shared agent takes an administrator's token. Needs `agents:write`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            paused: boolean;
            draining: boolean;
            revoked: boolean;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/agents/{id}/resume": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give a paused agent jobs again. Nothing happens to one that is not paused. Needs `agents:write`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            paused: boolean;
            draining: boolean;
            revoked: boolean;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/audit": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What was changed in the workspace, by whom; newest first. One request looks at 10,000 rows at most: a page of a rare match may hold fewer, even none, and still have a `next_cursor`. Needs `audit:read`. */
    get: {
      parameters: {
        query?: {
          /** Exactly this one. */
          actor?: string;
          /** Exactly this one, such as variables:write. */
          action?: string;
          /** What the target begins with, such as `variable f/billing/`. */
          target?: string;
          /** Not before this moment. */
          from?: string;
          /** Before this moment. */
          to?: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            events: (components["schemas"]["AuditEvent"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/audit/export": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The whole chain of the workspace as JSON lines, oldest first; the last line is its head. Needs `audit:read`. */
    get: {
      parameters: {
        query?: {
          /** Only rows after this number. */
          after?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/x-ndjson": string;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/audit/head": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The end of the chain of the workspace, to be kept elsewhere. Whoever has it can show later that everything up to it is still there: `millrace audit verify --heads`. 404 before the first row. Needs `audit:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["AuditHead"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Tasks on many jobs, newest first. A page may have fewer than asked for, and still a next one: tasks of others are left out. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            tasks: (components["schemas"]["BulkTask"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk/cancel": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Cancel all jobs that match a filter. At most 100,000 jobs, the newest first; steps of flows are left to their runs. It is done in the background: look at the task. With dry_run only a count. Needs `jobs:cancel`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          filter: {
            /** Default: both. */
            status?: "queued" | "running";
            /** Only jobs of this script. */
            script?: string;
            created_after?: string;
            /** Default, and latest: the moment of the request. */
            created_before?: string;
          };
          /** Of the newest jobs so many. Default, and most: 100,000. */
          most?: number;
          /** Only counts, and says how many it would be: up to 10,000. */
          dry_run?: boolean;
          reason?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            matched: number;
            /** There may be more: it was counted no further. */
            more: boolean;
          };
        } };
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["BulkTask"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk/rerun": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run again all jobs that match a filter. At most 100,000 jobs, the newest first; steps of flows are left to their runs. It is done in the background: look at the task. With dry_run only a count. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          filter: {
            status: "succeeded" | "failed" | "cancelled";
            /** Only jobs of this script. */
            script?: string;
            created_after?: string;
            /** Default, and latest: the moment of the request. */
            created_before?: string;
          };
          /** Of the newest jobs so many. Default, and most: 100,000. */
          most?: number;
          /** Only counts, and says how many it would be: up to 10,000. */
          dry_run?: boolean;
          /** Runs current versions, instead of those that the jobs ran. */
          latest?: boolean;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            matched: number;
            /** There may be more: it was counted no further. */
            more: boolean;
          };
        } };
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["BulkTask"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** How far a task has come. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["BulkTask"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk/{id}/resume": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Go on with a task that was stopped, failed or interrupted. Needs `jobs:cancel`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["BulkTask"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/bulk/{id}/stop": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Stop a task after the jobs that it is at. Needs `jobs:cancel`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["BulkTask"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/drafts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Drafts, without what is in them. Needs `drafts:read`. */
    get: {
      parameters: {
        query?: {
          /** Of what it is: script or flow. */
          kind?: "script" | "flow";
          /** Only drafts of this path. */
          path?: string;
          /** true: those of all authors; without it the caller's own. */
          everybody?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            drafts: (components["schemas"]["Draft"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/drafts/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The caller's own draft of a path. Needs `drafts:read`. */
    get: {
      parameters: {
        query: {
          /** Of what it is: script or flow. */
          kind: "script" | "flow";
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            kind: "script" | "flow";
            path: string;
            author: string;
            revision: number;
            created_at: string;
            updated_at: string;
            value: Record<string, unknown>;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Keep a draft of one's own. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. Needs `drafts:write`. */
    put: {
      parameters: {
        query: {
          /** Of what it is: script or flow. */
          kind: "script" | "flow";
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** What a deploy would be asked, finished or not. It is not looked into. */
          value: Record<string, unknown>;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Draft"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Draft"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Throw a draft of one's own away. Needs `drafts:write`. */
    delete: {
      parameters: {
        query: {
          /** Of what it is: script or flow. */
          kind: "script" | "flow";
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Current versions, by path. Needs `flows:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
          /** true: those that are archived, instead of those in use. */
          archived?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            flows: (components["schemas"]["ListedFlow"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Deploy a version of a flow. Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again. Needs `flows:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: nothing must be in use at the path; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": components["schemas"]["DeployFlowRequest"];
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            /** Names this version for ever: sha256 of path and document. */
            hash: string;
            summary: string;
            created_at: string;
            created_by: string;
            /** Of an archived one: it is not listed and does not run. */
            archived_at?: string;
            archived_by?: string;
            /** false: this version was already deployed. */
            created: boolean;
            /** Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50. */
            ignored: (string)[];
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            /** Names this version for ever: sha256 of path and document. */
            hash: string;
            summary: string;
            created_at: string;
            created_by: string;
            /** Of an archived one: it is not listed and does not run. */
            archived_at?: string;
            archived_by?: string;
            /** false: this version was already deployed. */
            created: boolean;
            /** Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50. */
            ignored: (string)[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/archive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Archive a flow. It keeps its versions and the history of its runs, is not listed and does not run any more. Runs that there are already go on. Needs `flows:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedFlow"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/by-hash/{hash}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One version, with its document. Needs `flows:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Hash of the version. */
          hash: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Flow"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The current version of a path, with its document, archived or not. Needs `flows:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Flow"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/move": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give a flow another path. Its versions go along, and so does the history of its runs. What refers to the old path is left as it is. The path is part of a version's hash: the current one gets a new one. Needs `flows:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
          to: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedFlow"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/test": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run one step of a flow. A run of this step alone, with inputs and results that are given or those of an earlier run. Its retries, conditions, approvals, sleeps and mock are left out. Needs `jobs:inline`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** The newest version of this path. */
          flow?: string;
          flow_hash?: string;
          document?: Record<string, unknown>;
          yaml?: string;
          /** A run whose inputs and results the step gets; its flow, too, if no other is named. `step` is a place in it, such as `loop/3/b`. */
          job?: string;
          /** Id of the step. */
          step: string;
          /** Inputs of the flow; `iter` for a step of a loop. */
          args?: Record<string, unknown>;
          /** Results of other steps by id, instead of those of the run. */
          results?: Record<string, unknown>;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/unarchive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Take a flow back from the archive. Needs `flows:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedFlow"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/flows/versions": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** All versions of a path, the newest first. Needs `flows:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            versions: ({
              path: string;
              /** Names this version for ever: sha256 of path and document. */
              hash: string;
              summary: string;
              created_at: string;
              created_by: string;
              /** Of an archived one: it is not listed and does not run. */
              archived_at?: string;
              archived_by?: string;
              /** Whether this version is what the path runs. */
              current: boolean;
            })[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/folders": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Folders with their grants, by path. Those that the caller may read. Needs `folders:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            folders: (components["schemas"]["Folder"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/folders/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One folder. Needs `folders:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Folder"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a folder and its grants. 201 when it is new. Its grants are those given. For administrators of the workspace; what is granted of u/NAME, for the member of that name, too. Needs `folders:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          description?: string;
          grants: ({
            user?: string;
            group?: string;
            /** write: reads, too. */
            level: "read" | "write";
          })[];
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Folder"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Folder"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a folder's grants. What is in it stays, for administrators; what is below u/NAME for the member, too. Needs `folders:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/groups": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Groups with their members, by name. Needs `groups:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            groups: (components["schemas"]["Group"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/groups/by-name": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One group. Needs `groups:read`. */
    get: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Group"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a group. 201 when it is new. Its members are those given. Needs `groups:write`. */
    put: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          description?: string;
          members: (string)[];
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Group"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Group"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a group. What was granted to it goes with it. Needs `groups:write`. */
    delete: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Notification hooks, by path. Needs `hooks:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            hooks: (components["schemas"]["Hook"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One notification hook. Needs `hooks:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Hook"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a notification hook. 201 when it is new: with the secret that signs its deliveries, which is shown this once. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. Needs `hooks:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Where deliveries are POSTed to. https, unless the operator has allowed the target. */
          url: string;
          /** What it is told. */
          events: ("job.succeeded" | "job.failed" | "job.cancelled" | "attempt.lost" | "approval.wanted" | "schedule.missed")[];
          /** Only of scripts, flows and schedules whose path begins with this. Default: all, inline code too. */
          path_prefix?: string;
          /** Left out: it stays as it is. */
          paused?: boolean;
          description?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Hook"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            url: string;
            events: ("job.succeeded" | "job.failed" | "job.cancelled" | "attempt.lost" | "approval.wanted" | "schedule.missed")[];
            path_prefix: string;
            paused: boolean;
            /** When it was paused by itself: the receiver said that it is gone. */
            paused_why?: string;
            description: string;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
            /** Signs the deliveries. Shown this once. */
            secret: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a notification hook, with its secrets and deliveries. Needs `hooks:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/deliveries": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What was sent to a hook, newest first. Needs `hooks:read`. */
    get: {
      parameters: {
        query: {
          /** Of the hook. */
          path: string;
          /** Only those with this status. */
          status?: "waiting" | "delivered" | "dead";
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            deliveries: (components["schemas"]["Delivery"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/deliveries/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One delivery, with what is sent. Needs `hooks:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            hook: string;
            /** `webhook-id` of the request: the same however often it is sent. */
            event: string;
            kind: string;
            /** dead: it was tried for the last time. */
            status: "waiting" | "delivered" | "dead";
            /** Oldest first; the last 20. */
            attempts: ({
              at: string;
              /** Of the answer. */
              status?: number;
              error?: string;
              took_ms: number;
            })[];
            next_attempt_at?: string;
            created_at: string;
            ended_at?: string;
            payload: unknown;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/deliveries/{id}/again": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Send a delivery again, under the same id. Also one that was delivered, or is dead. Its attempts count from one. Needs `hooks:write`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Delivery"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/pause": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Send nothing to a hook for a while. It is not told what happens meanwhile. What waits already is sent when it goes on. Needs `hooks:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Hook"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/resume": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Send to a hook again. Also to one that was paused because its receiver said that it is gone. Needs `hooks:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Hook"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/secrets": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Which secrets sign the deliveries of a hook. Needs `hooks:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            secrets: ({
              id: string;
              created_at: string;
              created_by: string;
              /** From then on it is good no more. */
              expires_at?: string;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Add a secret, and show it this once. Deliveries are signed with all that are good, so the receiver can change to it when it likes. Needs `hooks:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** One that the other side has made, as Stripe and Slack do. Default: a new one. */
          secret?: string;
          /** Seconds for which the others stay good. Default: until they are deleted. */
          others_for_s?: number;
        } | null;
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            created_at: string;
            created_by: string;
            /** From then on it is good no more. */
            expires_at?: string;
            /** Shown this once. */
            secret: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Delete a secret: nothing is signed with it any more. Needs `hooks:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/hooks/test": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Send something to a hook, and say what became of it. Also to one that is paused. It is tried once. Needs `hooks:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Delivery"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/invitations": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Invitations, newest first, without their tokens. Those that are over, too. Needs `invitations:manage`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            invitations: (components["schemas"]["Invitation"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Invite somebody into the workspace. The token of the answer is for that person: nothing is sent. It is good once. Needs `invitations:manage`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          role: "viewer" | "operator" | "developer" | "admin";
          /** Only an account with this address can accept it. Left out: whoever has the token. */
          email?: string;
          expires_in_s?: number;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            role: "viewer" | "operator" | "developer" | "admin";
            email: string | null;
            status: "open" | "accepted" | "expired" | "revoked";
            created_by: string;
            created_at: string;
            expires_at: string;
            /** Not shown again. */
            token: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/invitations/{invitation}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Revoke an invitation. Who has accepted it stays a member. Needs `invitations:manage`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id of the invitation. */
          invitation: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Jobs, newest first. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** Only those with this status. */
          status?: "queued" | "running" | "succeeded" | "failed" | "cancelled";
          /** Only those of this script. */
          script?: string;
          /** Steps of flows, too. Default: only when a script is named. */
          steps?: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            jobs: (components["schemas"]["Job"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Run a deployed script or inline code. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: {
          /** Seconds to wait for the end. 200 with the result when it came, 202 when it did not. */
          wait?: number;
        };
        header?: {
          /** The same key and body give the same job, however often they are sent. With another body it is a 409. Remembered for a day unless set. */
          "idempotency-key"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": components["schemas"]["RunJobRequest"];
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            workspace: string;
            /** dependencies: finds out what a deployed script depends on, and runs nothing. flow: the run of a flow. step: of a flow, which may be a flow itself. */
            kind: "script" | "inline" | "dependencies" | "flow" | "step";
            /** Path of a deployed flow, of its runs. */
            flow?: string;
            /** Of a step: the run of the flow that it belongs to. */
            parent?: string;
            /** Of a step: the outermost of the runs around it. */
            root?: string;
            /** Of a step: its place, such as `a` or `loop/3/b`. */
            step?: string;
            /** Of a run of a flow that was made of an earlier one: that one, and the step from which on it runs its own, unless it is the first. */
            restarted_from?: {
              job: string;
              step?: string;
            };
            script?: string;
            hash?: string;
            language: string;
            tag: string;
            priority: number;
            status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
            /** Why a queued job is not running. */
            wait_reason?: string;
            /** The same as data. */
            wait_detail?: {
              code: "scheduled" | "retry" | "no_agent" | "no_runtime" | "agents_draining" | "slots_busy" | "concurrency" | "rate" | "debounce" | "workspace_cap" | "turn";
              /** Of the limit that is reached, as rendered. */
              key?: string;
              /** Jobs of the key, or of the workspace, that may run at a time. */
              limit?: number;
              /** How many do. */
              running?: number;
              /** Jobs of the key that may start within `per_s`. */
              starts?: number;
              per_s?: number;
              /** Until the next one may start, or the job's moment comes. */
              opens_in_ms?: number;
              /** Slots of the tag; all are busy. */
              slots?: number;
              /** Jobs of the workspace that wait for the same agents, this one included. */
              waiting?: number;
            };
            /** Number of the current or last attempt; 0 before the first. */
            attempt: number;
            agent?: string;
            exit?: {
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing" | "folder_lost";
              /** Exit code of the process, when the reason is exit_code. */
              code?: number;
              signal?: string;
              message?: string;
            };
            /** All attempts, when there was more than one. Only of a single job. */
            attempts?: ({
              attempt: number;
              agent?: string;
              /** Absent for one that has not ended. */
              exit?: {
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing" | "folder_lost";
                /** Exit code of the process, when the reason is exit_code. */
                code?: number;
                signal?: string;
                message?: string;
              };
              started_at?: string;
              finished_at?: string;
              run_ms?: number;
            })[];
            scheduled_for?: string;
            /** When a job that waits for a moment becomes ready. */
            next_attempt_at?: string;
            /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
            retry?: {
              /** How often it may fail; 1 for no retry. Lost attempts do not count. */
              max_attempts: number;
              constant?: {
                delay_s: number;
              };
              exponential?: {
                first_s: number;
                /** Default 2. */
                factor?: number;
                /** Default 300. */
                max_s?: number;
                /** Share of each wait that is left to chance. Default 0.2. */
                jitter?: number;
              };
              /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
              retry_if?: {
                /** Exit reasons that are tried again. */
                reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
                /** Of the reason exit_code, only these codes. */
                exit_codes?: (number)[];
              };
            };
            /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
            queue_ttl_s?: number;
            /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
            soft_timeout_ms?: number;
            /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
            network?: "none" | "full" | (string)[];
            /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
            min_sandbox_level?: number;
            /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
            memory_mb?: number;
            /** Processor of one attempt, thousandths. */
            cpu_millis?: number;
            /** Keeps a process of this script on the agent, so that the next run starts at once. */
            dedicated?: boolean;
            created_by: string;
            created_at: string;
            started_at?: string;
            finished_at?: string;
            /** From created, or the moment it was scheduled for, to started. */
            wait_ms?: number;
            run_ms?: number;
            /** How far the job says that its current or last attempt is, percent. In a list: of running jobs only. */
            progress?: number;
            log_bytes?: number;
            log_dropped_bytes?: number;
            result?: unknown;
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/batch": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run a deployed script many times. The ids come in the order of the request. 201 means that all are accepted. After a 503 it is not known which of them were: they may be accepted in part. With an Idempotency-Key the same request may be sent again: it completes the rest, and is a 200 when nothing was missing. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The same key and body give the same job, however often they are sent. With another body it is a 409. Remembered for a day unless set. */
          "idempotency-key"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          script?: string;
          hash?: string;
          jobs: ({
            /** Arguments of `main`, by name. */
            args?: Record<string, unknown>;
            /** Of this one job; instead of the header, which is for the whole batch. */
            idempotency_key?: string;
          })[];
          /** Routing label: only agents that serve it take the job. */
          tag?: string;
          /** The attempt is stopped after this many milliseconds. */
          timeout_ms?: number;
          /** 0 waits longest, 9 goes first; only against jobs of the same workspace. Default 5. */
          priority?: number;
          /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
          retry?: {
            /** How often it may fail; 1 for no retry. Lost attempts do not count. */
            max_attempts: number;
            constant?: {
              delay_s: number;
            };
            exponential?: {
              first_s: number;
              /** Default 2. */
              factor?: number;
              /** Default 300. */
              max_s?: number;
              /** Share of each wait that is left to chance. Default 0.2. */
              jitter?: number;
            };
            /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
            retry_if?: {
              /** Exit reasons that are tried again. */
              reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
              /** Of the reason exit_code, only these codes. */
              exit_codes?: (number)[];
            };
          };
          /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
          queue_ttl_s?: number;
          /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
          soft_timeout_ms?: number;
          /** Not before this moment; one that has passed means now. */
          scheduled_for?: string;
          /** Not before this many seconds from now. Not together with scheduled_for. */
          delay_s?: number;
          /** How long the idempotency key of this request is remembered. Default a day. */
          idempotency_window_s?: number;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            ids: (string)[];
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            ids: (string)[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/ends": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Wait for whichever of some jobs end first. Answers at once with those that have ended, otherwise when the first of them ends, or with none after `wait` seconds. Ask again for the rest. Needs `jobs:read`. */
    post: {
      parameters: {
        query?: {
          /** Seconds to wait at most. */
          wait?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          ids: (string)[];
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            /** Those that have ended, with their results; as many as fit into some megabytes, the others come with the next request. */
            ended: ({
              job: components["schemas"]["Job"];
              result: unknown;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One job. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/args": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The arguments, as JSON. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": Record<string, unknown>;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/cancel": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** End a job early. A waiting job ends at once. A running one gets SIGTERM, and SIGKILL after a grace period. Cancelling a job that has ended is a 409. Needs `jobs:cancel`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          reason?: string;
        } | null;
      } };
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/checkpoints": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What a workflow has done so far. Steps with what they gave, tasks with their jobs, sleeps with what is left of them; in the order in which they were written, by page. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what comes after. */
          after?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            checkpoints: ({
              seq: number;
              kind: "step" | "task" | "sleep";
              name: string;
              /** The attempt that did it. */
              attempt: number;
              at: string;
              /** Of a step: what it gave. */
              value?: unknown;
              /** Of a task: its job. */
              job?: string;
              /** Of a sleep: what is left of it. */
              remaining_ms?: number;
            })[];
            next_after?: number;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Remember what a workflow has done. For a running job, of itself. All of them are remembered or none. What is there already with the same value is fine; with another one it is a 409. Needs `jobs:report`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          checkpoints: ({
            kind: "step";
            /** Unique in the job. The clients add `#2` to what comes a second time, and `name>3>` to what is inside of the fourth branch of a `parallel`. */
            name: string;
            /** What the step gave, any JSON. */
            value?: unknown;
          } | {
            kind: "sleep";
            /** Unique in the job. The clients add `#2` to what comes a second time, and `name>3>` to what is inside of the fourth branch of a `parallel`. */
            name: string;
            /** How long, from now on. */
            ms: number;
          })[];
        };
      } };
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/flow": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The run of a flow, step by step. With `follow=true` Server-Sent Events until the run has ended: `flow` with all of it at once and whenever it is another, at most two a second, and one `end` with the job. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** true: Server-Sent Events until the run has ended. */
          follow?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["FlowRun"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/flow/answer": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Let a waiting step go on, or refuse it, under one's own name. Needs `jobs:approve`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          step?: string;
          approve: boolean;
          /** What the flow sees as `resume`. To approve it has to fit the form of the step, if there is one, whose defaults it has then. */
          payload?: unknown;
        };
      } };
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            taken: true;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/flow/events": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What happened in the run of a flow. All events in their order, by page. With `follow=true` Server-Sent Events until the run has ended: `event` (its id is the number; pass it back as Last-Event-ID to go on where you were) and one `end` with the job. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** Only events after the one with this number. */
          after?: number;
          /** How many a page has at most. */
          limit?: number;
          /** true: Server-Sent Events until the run has ended. */
          follow?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            events: ({
              seq: number;
              at: string;
              kind: string;
              step?: string;
            } & Record<string, unknown>)[];
            /** Pass it as `after` for the next page; absent when there are no more by now. */
            next_after?: number;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/flow/invite": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Links for somebody who is to answer for a waiting step. The links are made and not stored: the same request gives the same ones. Needs `jobs:invite`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Place of the step that waits. Default: the only one that does. */
          step?: string;
          /** For whom; the answer is recorded under this name. Default: anonymous. */
          approver?: string;
        } | null;
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ApprovalLinks"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/flow/restart": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run a flow again, from a step on or from the beginning. A new run. Steps before `step` are not run again: it has their results of the earlier run, which has to be over. `args` are other inputs; what was done with the old ones stays as it is. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Where the new run goes on, such as `b`, `loop/3/b`, or `sub/loop/3/b` in a sub-flow: what comes before it keeps its results. Default: at the beginning. */
          step?: string;
          /** Inputs of the new run. Default: those of the earlier one. */
          args?: Record<string, unknown>;
          /** true: the newest version of the flow (and of the sub-flows on the way) instead of the one that ran. */
          newest?: boolean;
        } | null;
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/logs": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What the job printed. Plain text of the newest attempt (or of the one asked for), or with `stream=result` what it has streamed as its result. With `follow=true` Server-Sent Events until the job has ended: `log` (id `attempt.seq.segment`, pass it back as Last-Event-ID to go on where you were), `state` on each change, and one `end`. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: {
          /** true: Server-Sent Events until the job has ended; otherwise plain text of what is there. */
          follow?: string;
          /** Default: the newest attempt (following: each in turn). */
          attempt?: number;
          /** `result`: instead of the log, what the job has streamed as its result so far. The log leaves it out as plain text, and has it when followed. */
          stream?: "result";
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "text/event-stream": string;
          "text/plain": string;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/progress": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    /** Say how far the job is. For a running job, of itself. Shown as `progress`; a reader that follows the log gets a `state` event. Needs `jobs:report`. */
    put: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          percent: number;
        };
      } };
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/rerun": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run again what a job ran, with the same arguments or others. A new job of the same version, tag, priority, time limits and retries. Steps of flows are a 409: their run can be run again. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The same key and body give the same job, however often they are sent. With another body it is a 409. Remembered for a day unless set. */
          "idempotency-key"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Instead of the arguments that the job had. */
          args?: Record<string, unknown>;
          /** Runs the current version of the script or flow, instead of the one that the job ran. */
          latest?: boolean;
        } | null;
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Job"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/result": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The result, as JSON. Needs `jobs:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": unknown;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/jobs/{id}/tasks": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Start the child jobs of a workflow. For a running job, of itself. A name that an earlier attempt has used stands for the job that it has started: none is started twice. Needs `jobs:run`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          tasks: ({
            /** Unique in the job. The clients add `#2` to what comes a second time, and `name>3>` to what is inside of the fourth branch of a `parallel`. */
            name: string;
            /** As for running a job; deployed scripts and flows only. */
            job: {
              /** Path of a deployed script: its newest version runs. */
              script?: string;
              /** One exact version of a deployed script. */
              hash?: string;
              /** Inline code, run without deploying it. */
              code?: {
                language: string;
                content: string;
              };
              /** Path of a deployed flow: its newest version runs. */
              flow?: string;
              /** One exact version of a deployed flow. */
              flow_hash?: string;
              /** A flow as OpenFlow, run without deploying it. */
              document?: Record<string, unknown>;
              /** The same as YAML text. */
              yaml?: string;
              /** Arguments of `main`, by name. */
              args?: Record<string, unknown>;
              /** Routing label: only agents that serve it take the job. */
              tag?: string;
              /** The attempt is stopped after this many milliseconds. */
              timeout_ms?: number;
              /** 0 waits longest, 9 goes first; only against jobs of the same workspace. Default 5. */
              priority?: number;
              /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
              retry?: {
                /** How often it may fail; 1 for no retry. Lost attempts do not count. */
                max_attempts: number;
                constant?: {
                  delay_s: number;
                };
                exponential?: {
                  first_s: number;
                  /** Default 2. */
                  factor?: number;
                  /** Default 300. */
                  max_s?: number;
                  /** Share of each wait that is left to chance. Default 0.2. */
                  jitter?: number;
                };
                /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
                retry_if?: {
                  /** Exit reasons that are tried again. */
                  reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
                  /** Of the reason exit_code, only these codes. */
                  exit_codes?: (number)[];
                };
              };
              /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
              queue_ttl_s?: number;
              /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
              soft_timeout_ms?: number;
              /** Not before this moment; one that has passed means now. */
              scheduled_for?: string;
              /** Not before this many seconds from now. Not together with scheduled_for. */
              delay_s?: number;
              /** How long the idempotency key of this request is remembered. Default a day. */
              idempotency_window_s?: number;
              /** How many jobs may run at a time. */
              concurrency?: ({
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** So many jobs of the key run at a time. */
                limit: number;
                /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
                strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
              })[];
              /** How many jobs may start in a time. */
              rate?: ({
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** So many jobs of the key start within any `per_s` seconds. */
                starts: number;
                per_s: number;
                /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
                strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
              })[];
              /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
              debounce?: {
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** The job waits until no other of the key has come for so long. */
                delay_s: number;
                /** At most so long after the first of those that it replaced. Default: any time. */
                max_delay_s?: number;
              };
              /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
              network?: "none" | "full" | (string)[];
              /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
              min_sandbox_level?: number;
              /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
              memory_mb?: number;
              /** Processor of one attempt, thousandths. */
              cpu_millis?: number;
              /** Keeps a process of this script on the agent, so that the next run starts at once. */
              dedicated?: boolean;
            };
          })[];
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            /** Ids, in the order of the request. */
            jobs: (string)[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/limits": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Weight and cap of the workspace. Needs `limits:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["WorkspaceLimits"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Set weight and cap of the workspace. Takes effect within two seconds, without a restart. Jobs that run beyond a lowered cap go on. Needs an administrator's token. With If-Match they must still have that ETag; otherwise a 412. Needs `limits:write`. */
    put: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Its part of contended slots, relative to other workspaces: with weight 2 it gets twice the worker time of one with 1. */
          weight?: number;
          /** Most jobs that it may run at a time. null: any number; 0: none start. */
          max_running?: number | null;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["WorkspaceLimits"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/members": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Members of the workspace, by name. Needs `members:read`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            members: (components["schemas"]["Member"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/members/by-name": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One member. Needs `members:read`. */
    get: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Member"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Give a member another role. Holds within a second, at all replicas, for tokens and sessions that there are. New members are invited. A 409 for the last administrator who is a person and not disabled. Needs `members:write`. */
    put: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          role: "viewer" | "operator" | "developer" | "admin";
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Member"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Take an account out of the workspace. Its tokens and sessions open nothing here any more, within a second. What is below u/NAME/ stays, for administrators; nobody else gets the name. Needs `members:write`. */
    delete: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/quotas": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What the workspace may use. Needs `limits:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["WorkspaceQuotas"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Set what the workspace may use. What is left out, or null, is as the instance says. Takes effect within two seconds. Needs an administrator's token. With If-Match they must still have that ETag; otherwise a 412. Needs `limits:write`. */
    put: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Requests to the API, all tokens together; twice as many at once. */
          requests_per_s?: number | null;
          /** Requests with each token. */
          token_requests_per_s?: number | null;
          /** Jobs that may be started; steps of flows do not count. */
          jobs_per_minute?: number | null;
          /** Jobs that may wait, when more are started. */
          max_queued?: number | null;
          /** Output and results that may be kept, when more jobs are started. */
          max_storage_bytes?: number | null;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["WorkspaceQuotas"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/resource-types": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Resource types, by name, without their schemas. Needs `resources:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            types: ({
              name: string;
              description: string;
              revision: number;
              created_at: string;
              created_by: string;
              updated_at: string;
              updated_by: string;
            })[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/resource-types/by-name": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One resource type, with its schema. Needs `resources:read`. */
    get: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ResourceType"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a resource type. Resources that there are already are not checked again before they change. Needs `resources:types`. */
    put: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** JSON Schema (draft 7) of the values. Left out: it stays as it is; null: values are not checked. */
          schema?: Record<string, unknown> | null;
          description?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ResourceType"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ResourceType"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a resource type. Its resources stay, and are not checked any more. Needs `resources:types`. */
    delete: {
      parameters: {
        query: {
          /** Name of the thing. */
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/resources": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Resources, by path, without their values. Needs `resources:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
          /** Only of this type. Without it: of all types but `state`. */
          type?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            resources: (components["schemas"]["ListedResource"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/resources/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One resource, as it is stored. Needs `resources:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Resource"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a resource. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. Needs `resources:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Of a new one it must be given; it stays as it is. */
          type?: string;
          /** Any JSON, checked against the schema of the type if it has one. Texts `$var:path` and `$res:path` stand for what is there. Left out: it stays as it is. */
          value?: unknown;
          description?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedResource"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedResource"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a resource. Needs `resources:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/resources/value": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The value alone, with what its references stand for. One that holds secrets is given to running jobs alone. Needs `resources:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": unknown;
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Schedules, by path, without what their runs get. Needs `schedules:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            schedules: (components["schemas"]["ListedSchedule"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One schedule. Needs `schedules:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Schedule"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or replace a schedule. 201 when it is new. What is left out has its default, but for `paused`. While pattern and zone stay the same, so does its next tick. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. Needs `schedules:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": components["schemas"]["ScheduleRequest"];
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Schedule"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Schedule"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a schedule, and what is known of its runs; their jobs stay. Needs `schedules:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/pause": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** No more ticks until it is resumed. Needs `schedules:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Schedule"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/preview": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The next ticks of a pattern. Needs `schedules:read`. */
    get: {
      parameters: {
        query: {
          /** Five fields (minute, hour, day, month, weekday), or six with seconds first. Also L, W and #. */
          cron: string;
          /** A zone of the IANA database. */
          timezone?: string;
          /** How many. */
          count?: number;
          /** Ticks after this moment; default now. */
          after?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            ticks: ({
              at: string;
              /** The same in its zone, with its offset. */
              local: string;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/resume": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Tick again; what would have come meanwhile does not. Needs `schedules:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Schedule"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/run": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Run it once now, paused or not, whatever its earlier runs do. Needs `schedules:run`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ScheduleRun"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/schedules/runs": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What became of the ticks of a schedule, newest first. Needs `schedules:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            runs: (components["schemas"]["ScheduleRun"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Current versions, by path. Needs `scripts:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
          /** true: those that are archived, instead of those in use. */
          archived?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            scripts: (components["schemas"]["ListedScript"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Deploy a version of a script. Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again. Needs `scripts:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: nothing must be in use at the path; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": components["schemas"]["DeployScriptRequest"];
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            /** Names this version for ever: sha256 of path, language, code and settings. */
            hash: string;
            language: string;
            summary: string;
            tag: string;
            timeout_ms?: number;
            priority?: number;
            /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
            retry?: {
              /** How often it may fail; 1 for no retry. Lost attempts do not count. */
              max_attempts: number;
              constant?: {
                delay_s: number;
              };
              exponential?: {
                first_s: number;
                /** Default 2. */
                factor?: number;
                /** Default 300. */
                max_s?: number;
                /** Share of each wait that is left to chance. Default 0.2. */
                jitter?: number;
              };
              /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
              retry_if?: {
                /** Exit reasons that are tried again. */
                reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
                /** Of the reason exit_code, only these codes. */
                exit_codes?: (number)[];
              };
            };
            /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
            queue_ttl_s?: number;
            /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
            soft_timeout_ms?: number;
            /** How many jobs may run at a time. */
            concurrency?: ({
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** So many jobs of the key run at a time. */
              limit: number;
              /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
              strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
            })[];
            /** How many jobs may start in a time. */
            rate?: ({
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** So many jobs of the key start within any `per_s` seconds. */
              starts: number;
              per_s: number;
              /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
              strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
            })[];
            /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
            debounce?: {
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** The job waits until no other of the key has come for so long. */
              delay_s: number;
              /** At most so long after the first of those that it replaced. Default: any time. */
              max_delay_s?: number;
            };
            /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
            network?: "none" | "full" | (string)[];
            /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
            min_sandbox_level?: number;
            /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
            memory_mb?: number;
            /** Processor of one attempt, thousandths. */
            cpu_millis?: number;
            /** Keeps a process of this script on the agent, so that the next run starts at once. */
            dedicated?: boolean;
            /** Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves. */
            lock_state: "none" | "pending" | "ready" | "failed";
            /** The job that finds them out, or did. */
            lock_job?: string;
            /** Why it failed. Deploying the same version again asks once more. */
            lock_error?: string;
            /** JSON Schema of the arguments, inferred from `main`. */
            schema: Record<string, unknown>;
            created_at: string;
            created_by: string;
            /** Of an archived one: it is not listed and does not run. */
            archived_at?: string;
            archived_by?: string;
            /** false: this version was already deployed. */
            created: boolean;
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            /** Names this version for ever: sha256 of path, language, code and settings. */
            hash: string;
            language: string;
            summary: string;
            tag: string;
            timeout_ms?: number;
            priority?: number;
            /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
            retry?: {
              /** How often it may fail; 1 for no retry. Lost attempts do not count. */
              max_attempts: number;
              constant?: {
                delay_s: number;
              };
              exponential?: {
                first_s: number;
                /** Default 2. */
                factor?: number;
                /** Default 300. */
                max_s?: number;
                /** Share of each wait that is left to chance. Default 0.2. */
                jitter?: number;
              };
              /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
              retry_if?: {
                /** Exit reasons that are tried again. */
                reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
                /** Of the reason exit_code, only these codes. */
                exit_codes?: (number)[];
              };
            };
            /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
            queue_ttl_s?: number;
            /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
            soft_timeout_ms?: number;
            /** How many jobs may run at a time. */
            concurrency?: ({
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** So many jobs of the key run at a time. */
              limit: number;
              /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
              strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
            })[];
            /** How many jobs may start in a time. */
            rate?: ({
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** So many jobs of the key start within any `per_s` seconds. */
              starts: number;
              per_s: number;
              /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
              strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
            })[];
            /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
            debounce?: {
              /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
              key?: string;
              /** The job waits until no other of the key has come for so long. */
              delay_s: number;
              /** At most so long after the first of those that it replaced. Default: any time. */
              max_delay_s?: number;
            };
            /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
            network?: "none" | "full" | (string)[];
            /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
            min_sandbox_level?: number;
            /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
            memory_mb?: number;
            /** Processor of one attempt, thousandths. */
            cpu_millis?: number;
            /** Keeps a process of this script on the agent, so that the next run starts at once. */
            dedicated?: boolean;
            /** Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves. */
            lock_state: "none" | "pending" | "ready" | "failed";
            /** The job that finds them out, or did. */
            lock_job?: string;
            /** Why it failed. Deploying the same version again asks once more. */
            lock_error?: string;
            /** JSON Schema of the arguments, inferred from `main`. */
            schema: Record<string, unknown>;
            created_at: string;
            created_by: string;
            /** Of an archived one: it is not listed and does not run. */
            archived_at?: string;
            archived_by?: string;
            /** false: this version was already deployed. */
            created: boolean;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/archive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Archive a script. It keeps its versions and the history of its jobs, is not listed and does not run any more. Jobs that there are already go on. Needs `scripts:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedScript"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/by-hash/{hash}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One version, with its code. Needs `scripts:read`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Hash of the version. */
          hash: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Script"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The current version of a path, with its code, archived or not. Needs `scripts:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Script"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/move": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give a script another path. Its versions and the history of its jobs go along. What refers to the old path is left as it is; so is its state. The path is part of a version's hash: the current one gets a new one. Needs `scripts:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
          to: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedScript"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/unarchive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Take a script back from the archive. Needs `scripts:deploy`. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ListedScript"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/scripts/versions": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** All versions of a path, the newest first, without their code. Needs `scripts:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            versions: ({
              path: string;
              /** Names this version for ever: sha256 of path, language, code and settings. */
              hash: string;
              language: string;
              summary: string;
              tag: string;
              timeout_ms?: number;
              priority?: number;
              /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
              retry?: {
                /** How often it may fail; 1 for no retry. Lost attempts do not count. */
                max_attempts: number;
                constant?: {
                  delay_s: number;
                };
                exponential?: {
                  first_s: number;
                  /** Default 2. */
                  factor?: number;
                  /** Default 300. */
                  max_s?: number;
                  /** Share of each wait that is left to chance. Default 0.2. */
                  jitter?: number;
                };
                /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
                retry_if?: {
                  /** Exit reasons that are tried again. */
                  reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
                  /** Of the reason exit_code, only these codes. */
                  exit_codes?: (number)[];
                };
              };
              /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
              queue_ttl_s?: number;
              /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
              soft_timeout_ms?: number;
              /** How many jobs may run at a time. */
              concurrency?: ({
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** So many jobs of the key run at a time. */
                limit: number;
                /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
                strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
              })[];
              /** How many jobs may start in a time. */
              rate?: ({
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** So many jobs of the key start within any `per_s` seconds. */
                starts: number;
                per_s: number;
                /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
                strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
              })[];
              /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
              debounce?: {
                /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
                key?: string;
                /** The job waits until no other of the key has come for so long. */
                delay_s: number;
                /** At most so long after the first of those that it replaced. Default: any time. */
                max_delay_s?: number;
              };
              /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
              network?: "none" | "full" | (string)[];
              /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
              min_sandbox_level?: number;
              /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
              memory_mb?: number;
              /** Processor of one attempt, thousandths. */
              cpu_millis?: number;
              /** Keeps a process of this script on the agent, so that the next run starts at once. */
              dedicated?: boolean;
              /** Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves. */
              lock_state: "none" | "pending" | "ready" | "failed";
              /** The job that finds them out, or did. */
              lock_job?: string;
              /** Why it failed. Deploying the same version again asks once more. */
              lock_error?: string;
              /** JSON Schema of the arguments, inferred from `main`. */
              schema: Record<string, unknown>;
              created_at: string;
              created_by: string;
              /** Of an archived one: it is not listed and does not run. */
              archived_at?: string;
              archived_by?: string;
              /** Whether this version is what the path runs. */
              current: boolean;
            })[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/secrets/keys": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Keys with which the secrets of the workspace are sealed, newest first. A rotation is over when there is one. The keys themselves are shown to nobody. Needs `secrets:rotate`. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            keys: ({
              version: number;
              created_at: string;
              /** How many are sealed with it. */
              secrets: number;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/secrets/rotate": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Seal the secrets of the workspace with a new key. New secrets use it at once; the others follow in the background, while jobs run. The old key is deleted after the last one. Needs `secrets:rotate`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        202: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            /** Of the new key. */
            version: number;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/service-accounts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Service accounts of the workspace, by name. Needs `service-accounts:manage`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            service_accounts: (components["schemas"]["ServiceAccount"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a service account. It has a role like a person. Give it tokens with `POST …/workspace-tokens`. Needs `service-accounts:manage`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          name: string;
          role: "viewer" | "operator" | "developer" | "admin";
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["ServiceAccount"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/service-accounts/{name}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Delete a service account and its tokens. Needs `service-accounts:manage`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Name, as lists have it. */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/tokens": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The own tokens for this workspace, newest first. Needs `tokens:self`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            tokens: (components["schemas"]["Token"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a personal token for this workspace. For people who have logged in. It may never do more than they may at that moment, and is shown once. Needs `tokens:self`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          label: string;
          /** What it is limited to. Left out: whatever its holder may do. */
          scopes?: (string)[];
          expires_in_s?: number;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            kind: "personal" | "service" | "workspace";
            /** Address of the person, or name of the service account. */
            holder: string | null;
            label: string;
            scopes: (string)[] | null;
            created_by: string;
            created_at: string;
            expires_at: string | null;
            /** To within five minutes. */
            last_used_at: string | null;
            status: "usable" | "expired" | "revoked";
            /** Not shown again. */
            token: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/tokens/{token}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Revoke one of the own tokens. Needs `tokens:self`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Webhooks and routes, by path. Needs `triggers:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            triggers: (components["schemas"]["Trigger"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One webhook or route. Needs `triggers:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Trigger"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a webhook or route. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. A route that would answer the same requests as another one is a 409. Needs `triggers:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": components["schemas"]["TriggerRequest"];
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Trigger"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Trigger"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a webhook or route, with its secrets. Needs `triggers:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers/calls": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What became of the calls of a trigger. Counts, and its last calls. They may be a second old. Needs `triggers:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            accepted: number;
            repeated: number;
            refused: number;
            last_at?: string;
            /** The last 20, newest first. */
            calls: ({
              at: string;
              /** repeated: the same call came before, and its job is named. */
              outcome: "accepted" | "repeated" | "refused";
              job?: string;
              /** Of a refused one. */
              why?: string;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers/pause": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Refuse the calls of a trigger for a while. Needs `triggers:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Trigger"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers/resume": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Take the calls of a trigger again. Needs `triggers:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Trigger"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/triggers/secrets": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Which secrets of a trigger are good now. Needs `triggers:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            secrets: ({
              id: string;
              created_at: string;
              created_by: string;
              /** From then on it is good no more. */
              expires_at?: string;
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Add a secret, and show it this once. All secrets of a trigger are good at a time: add the new one, give it to the other side, then delete the old one. Or let the others end by `others_for_s`. Needs `triggers:write`. */
    post: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** One that the other side has made, as Stripe and Slack do. Default: a new one. */
          secret?: string;
          /** Seconds for which the others stay good. Default: until they are deleted. */
          others_for_s?: number;
        } | null;
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            created_at: string;
            created_by: string;
            /** From then on it is good no more. */
            expires_at?: string;
            /** Shown this once. */
            secret: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Delete a secret: whoever has it cannot call any more. Needs `triggers:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
          /** Id, as lists and answers have it. */
          id: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/usage": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What the workspace used, by day. Days without jobs are left out. Counted once an hour, today also when it is asked for; a job that ends more than a week late is not counted. Needs `limits:read`. */
    get: {
      parameters: {
        query?: {
          /** First day, UTC. Default: 30 days ago. */
          from?: string;
          /** Last day. Default: today. */
          to?: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            days: (components["schemas"]["UsageDay"])[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/variables": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Variables, by path, without their values. Needs `variables:read`. */
    get: {
      parameters: {
        query?: {
          /** Only what has a path (or name) that begins so. */
          prefix?: string;
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            variables: (components["schemas"]["ListedVariable"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/variables/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One variable; the value of a plain one. Needs `variables:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Variable"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a variable. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. Needs `variables:write`. */
    put: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 412. */
          "if-none-match"?: "*";
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          /** Left out: it stays as it is. */
          value?: string;
          /** Left out: it stays as it is, and a new one is plain. To change it, give the value too. */
          is_secret?: boolean;
          description?: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Variable"];
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Variable"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a variable. Needs `variables:write`. */
    delete: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 412. */
          "if-match"?: string;
        };
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/variables/value": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The value alone. That of a secret is given to running jobs alone. With `Accept: text/plain` it comes as it is. Needs `variables:read`. */
    get: {
      parameters: {
        query: {
          /** Path of the thing: f/folder/name or u/user/name. */
          path: string;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            value: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/workspace-tokens": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Tokens of everybody for this workspace, newest first. Needs `tokens:manage`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            tokens: (components["schemas"]["Token"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a token of the workspace or of a service account. Needs `tokens:manage`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          label: string;
          /** What it is limited to. Left out: whatever its holder may do. */
          scopes?: (string)[];
          expires_in_s?: number;
          /** Whose it is. Left out: the workspace's own, with the rights of an administrator of the workspace. */
          service_account?: string;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            id: string;
            kind: "personal" | "service" | "workspace";
            /** Address of the person, or name of the service account. */
            holder: string | null;
            label: string;
            scopes: (string)[] | null;
            created_by: string;
            created_at: string;
            expires_at: string | null;
            /** To within five minutes. */
            last_used_at: string | null;
            status: "usable" | "expired" | "revoked";
            /** Not shown again. */
            token: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/w/{workspace}/workspace-tokens/{token}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    /** Revoke a token, whoever has it. Needs `tokens:manage`. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name of the workspace; a former name leads to it, too. */
          workspace: string;
          /** Id of the token; below /approvals the secret part of the link. */
          token: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/workspaces": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Workspaces, by name. Needs `instance:manage`. */
    get: {
      parameters: {
        query?: {
          /** `next_cursor` of the page before, as it came. Left out: the first page. */
          cursor?: string;
          /** How many a page has at most. */
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            workspaces: (components["schemas"]["Workspace"])[];
            next_cursor?: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a workspace. Who makes it with a session becomes an administrator of it. Needs `instance:manage`. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          name: string;
        };
      } };
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Workspace"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/api/v1/workspaces/{name}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    /** Give a workspace another name. The former name goes on to lead to it, and no other workspace gets it. Needs `instance:manage`. */
    patch: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /** Name, as lists have it. */
          name: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          name: string;
        };
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": components["schemas"]["Workspace"];
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    trace?: never;
  };
}

export interface components {
  schemas: {
    Account: {
      id: string;
      email: string;
      name: string;
      has_password: boolean;
      is_instance_admin: boolean;
      disabled_at: string | null;
      created_at: string;
      created_by: string;
    };
    Agent: {
      id: string;
      name: string;
      /** Empty for a shared agent, unless an administrator asks. */
      host: string;
      version: string;
      /** true: it serves every workspace. */
      shared: boolean;
      /** Whose jobs it gets: those of this workspace alone, or of all. */
      scope?: "workspace" | "shared";
      /** true: it joined with a key of its own. false: it has a long-lived token. */
      enrolled?: boolean;
      /** Whether it takes new jobs (active), or why not. */
      state?: "active" | "paused" | "draining" | "ending" | "quarantined" | "disk_pressure";
      /** One line for people. */
      state_reason?: string;
      tags: (string)[];
      languages: ({
        language: string;
        version: string;
      })[];
      sandbox: {
        level: number;
        reasons: (string)[];
      };
      slots: number;
      running: number;
      connected_at: string;
    };
    Approval: {
      workspace: string;
      job: string;
      flow?: string;
      step: string;
      summary?: string;
      approver: string;
      /** false: the run has gone on, or this approver has answered. */
      waiting: boolean;
      approvals: number;
      needed: number;
      until?: string;
      /** JSON Schema that the payload of an approval has to fit, as the flow has it. */
      form?: unknown;
      can_refuse: boolean;
    };
    ApprovalLinks: {
      step: string;
      approver: string;
      /** A POST to it approves; a body is the payload that the flow sees as `resume`. Whoever has it needs no token. */
      resume_url: string;
      /** A POST to it refuses. */
      cancel_url: string;
    };
    AuditEvent: {
      /** Number of the workspace; part of what is hashed. */
      chain: string;
      seq: number;
      at: string;
      actor: string;
      action: string;
      target: string;
      /** asked: it is on its way to whoever does it. denied: nothing happened. */
      outcome: "done" | "asked" | "denied";
      /** Never values, arguments or code. */
      detail: Record<string, unknown>;
      prev_hash: string;
      /** SHA-256 over prev_hash and the row. */
      hash: string;
    };
    AuditHead: {
      chain: string;
      seq: number;
      at: string;
      hash: string;
    };
    BulkTask: {
      id: string;
      kind: "cancel" | "rerun";
      /** interrupted: the replica that worked on it is gone; it can be resumed. failed: it can be, too. */
      state: "running" | "done" | "stopped" | "failed" | "interrupted";
      filter: Record<string, unknown>;
      /** Jobs that were cancelled, or run again, so far. */
      done: number;
      /** Jobs that had ended meanwhile, or could not be run again. */
      skipped: number;
      /** Why the last one was skipped, or the task failed. */
      error?: string;
      created_by: string;
      created_at: string;
      finished_at?: string;
    };
    Delivery: {
      id: string;
      hook: string;
      /** `webhook-id` of the request: the same however often it is sent. */
      event: string;
      kind: string;
      /** dead: it was tried for the last time. */
      status: "waiting" | "delivered" | "dead";
      /** Oldest first; the last 20. */
      attempts: ({
        at: string;
        /** Of the answer. */
        status?: number;
        error?: string;
        took_ms: number;
      })[];
      next_attempt_at?: string;
      created_at: string;
      ended_at?: string;
    };
    DeployFlowRequest: {
      path: string;
      /** The flow as OpenFlow: `summary`, `schema`, `value` with its steps. */
      document?: Record<string, unknown>;
      /** The same as YAML text instead. It is kept as it is, comments and all. */
      yaml?: string;
    };
    DeployScriptRequest: {
      path: string;
      language: string;
      content: string;
      summary?: string;
      /** Routing label: only agents that serve it take the job. */
      tag?: string;
      timeout_ms?: number;
      priority?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** How many jobs may run at a time. */
      concurrency?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key run at a time. */
        limit: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** How many jobs may start in a time. */
      rate?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key start within any `per_s` seconds. */
        starts: number;
        per_s: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
      debounce?: {
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** The job waits until no other of the key has come for so long. */
        delay_s: number;
        /** At most so long after the first of those that it replaced. Default: any time. */
        max_delay_s?: number;
      };
      /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
      network?: "none" | "full" | (string)[];
      /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
      min_sandbox_level?: number;
      /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
      memory_mb?: number;
      /** Processor of one attempt, thousandths. */
      cpu_millis?: number;
      /** Keeps a process of this script on the agent, so that the next run starts at once. */
      dedicated?: boolean;
      /** Fixed versions of the dependencies, in the words of the language's own tool. Default: an agent finds them out after the deploy. */
      lock?: string;
    };
    Draft: {
      kind: "script" | "flow";
      path: string;
      author: string;
      revision: number;
      created_at: string;
      updated_at: string;
    };
    EnrolledAgent: {
      id: string;
      name: string;
      /** Id of the join token by which it came. */
      join_token: string;
      joined_at: string;
      last_connected_at: string;
      /** It can be renewed for a day after that with the key of the host alone. */
      credential_until: string;
      allowed_tags: (string)[];
      paused: boolean;
    };
    Flow: {
      path: string;
      /** Names this version for ever: sha256 of path and document. */
      hash: string;
      summary: string;
      created_at: string;
      created_by: string;
      /** Of an archived one: it is not listed and does not run. */
      archived_at?: string;
      archived_by?: string;
      /** As it was deployed. */
      document: Record<string, unknown>;
      /** The text that it was deployed as, when that was YAML. */
      yaml?: string;
      /** Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50. */
      ignored: (string)[];
    };
    FlowRun: {
      job: string;
      /** How many there are by now. */
      events: number;
      /** In the order of the flow; of what is under way also what is within it. At most 500, and 20 iterations of a loop. */
      steps: ({
        /** Its place: ids of steps, and between them the number of an iteration or branch, such as `loop/3/b`. */
        step: string;
        status: "waiting" | "running" | "sleeping" | "suspended" | "retrying" | "succeeded" | "failed" | "cancelled" | "skipped";
        /** The job that runs or ran it. */
        job?: string;
        /** 0 before it begins. */
        attempt: number;
        /** Of a loop or branchall: how many are over. Of a step that waits for people: approvals so far. */
        done?: number;
        /** Of how many. */
        count?: number;
        /** When it goes on by itself, or gives up waiting. */
        until?: string;
        /** The expression that is being evaluated. */
        evaluating?: string;
      })[];
    };
    Folder: {
      path: string;
      description: string;
      grants: ({
        user?: string;
        group?: string;
        /** write: reads, too. */
        level: "read" | "write";
      })[];
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    Group: {
      name: string;
      description: string;
      members: (string)[];
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    Hook: {
      path: string;
      url: string;
      events: ("job.succeeded" | "job.failed" | "job.cancelled" | "attempt.lost" | "approval.wanted" | "schedule.missed")[];
      path_prefix: string;
      paused: boolean;
      /** When it was paused by itself: the receiver said that it is gone. */
      paused_why?: string;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    Invitation: {
      id: string;
      role: "viewer" | "operator" | "developer" | "admin";
      email: string | null;
      status: "open" | "accepted" | "expired" | "revoked";
      created_by: string;
      created_at: string;
      expires_at: string;
    };
    Job: {
      id: string;
      workspace: string;
      /** dependencies: finds out what a deployed script depends on, and runs nothing. flow: the run of a flow. step: of a flow, which may be a flow itself. */
      kind: "script" | "inline" | "dependencies" | "flow" | "step";
      /** Path of a deployed flow, of its runs. */
      flow?: string;
      /** Of a step: the run of the flow that it belongs to. */
      parent?: string;
      /** Of a step: the outermost of the runs around it. */
      root?: string;
      /** Of a step: its place, such as `a` or `loop/3/b`. */
      step?: string;
      /** Of a run of a flow that was made of an earlier one: that one, and the step from which on it runs its own, unless it is the first. */
      restarted_from?: {
        job: string;
        step?: string;
      };
      script?: string;
      hash?: string;
      language: string;
      tag: string;
      priority: number;
      status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
      /** Why a queued job is not running. */
      wait_reason?: string;
      /** The same as data. */
      wait_detail?: {
        code: "scheduled" | "retry" | "no_agent" | "no_runtime" | "agents_draining" | "slots_busy" | "concurrency" | "rate" | "debounce" | "workspace_cap" | "turn";
        /** Of the limit that is reached, as rendered. */
        key?: string;
        /** Jobs of the key, or of the workspace, that may run at a time. */
        limit?: number;
        /** How many do. */
        running?: number;
        /** Jobs of the key that may start within `per_s`. */
        starts?: number;
        per_s?: number;
        /** Until the next one may start, or the job's moment comes. */
        opens_in_ms?: number;
        /** Slots of the tag; all are busy. */
        slots?: number;
        /** Jobs of the workspace that wait for the same agents, this one included. */
        waiting?: number;
      };
      /** Number of the current or last attempt; 0 before the first. */
      attempt: number;
      agent?: string;
      exit?: {
        reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing" | "folder_lost";
        /** Exit code of the process, when the reason is exit_code. */
        code?: number;
        signal?: string;
        message?: string;
      };
      /** All attempts, when there was more than one. Only of a single job. */
      attempts?: ({
        attempt: number;
        agent?: string;
        /** Absent for one that has not ended. */
        exit?: {
          reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing" | "folder_lost";
          /** Exit code of the process, when the reason is exit_code. */
          code?: number;
          signal?: string;
          message?: string;
        };
        started_at?: string;
        finished_at?: string;
        run_ms?: number;
      })[];
      scheduled_for?: string;
      /** When a job that waits for a moment becomes ready. */
      next_attempt_at?: string;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
      network?: "none" | "full" | (string)[];
      /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
      min_sandbox_level?: number;
      /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
      memory_mb?: number;
      /** Processor of one attempt, thousandths. */
      cpu_millis?: number;
      /** Keeps a process of this script on the agent, so that the next run starts at once. */
      dedicated?: boolean;
      created_by: string;
      created_at: string;
      started_at?: string;
      finished_at?: string;
      /** From created, or the moment it was scheduled for, to started. */
      wait_ms?: number;
      run_ms?: number;
      /** How far the job says that its current or last attempt is, percent. In a list: of running jobs only. */
      progress?: number;
      log_bytes?: number;
      log_dropped_bytes?: number;
    };
    JoinToken: {
      id: string;
      label: string;
      uses: number;
      used: number;
      tags: (string)[];
      cidrs: (string)[];
      created_by: string;
      created_at: string;
      expires_at: string;
      status: "usable" | "used_up" | "expired" | "revoked";
    };
    ListedFlow: {
      path: string;
      /** Names this version for ever: sha256 of path and document. */
      hash: string;
      summary: string;
      created_at: string;
      created_by: string;
      /** Of an archived one: it is not listed and does not run. */
      archived_at?: string;
      archived_by?: string;
    };
    ListedResource: {
      path: string;
      type: string;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    ListedSchedule: {
      path: string;
      cron: string;
      timezone: string;
      script?: string;
      flow?: string;
      overlap: "skip" | "queue" | "parallel";
      /** What is done about ticks that came while nothing ran: nothing, one run for all, or a run for each. Default none. */
      catch_up: {
        policy: "none";
      } | {
        policy: "latest";
      } | {
        policy: "all";
        /** Missed ticks that are made up for at most, the newest. */
        max: number;
        /** Older ones are not. */
        window_s: number;
      };
      paused: boolean;
      /** The next tick. None while it is paused, or when its pattern never matches again. */
      next_at?: string;
      /** Runs that failed in a row; counted for schedules with handlers. */
      failures: number;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    ListedScript: {
      path: string;
      /** Names this version for ever: sha256 of path, language, code and settings. */
      hash: string;
      language: string;
      summary: string;
      tag: string;
      timeout_ms?: number;
      priority?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** How many jobs may run at a time. */
      concurrency?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key run at a time. */
        limit: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** How many jobs may start in a time. */
      rate?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key start within any `per_s` seconds. */
        starts: number;
        per_s: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
      debounce?: {
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** The job waits until no other of the key has come for so long. */
        delay_s: number;
        /** At most so long after the first of those that it replaced. Default: any time. */
        max_delay_s?: number;
      };
      /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
      network?: "none" | "full" | (string)[];
      /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
      min_sandbox_level?: number;
      /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
      memory_mb?: number;
      /** Processor of one attempt, thousandths. */
      cpu_millis?: number;
      /** Keeps a process of this script on the agent, so that the next run starts at once. */
      dedicated?: boolean;
      /** Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves. */
      lock_state: "none" | "pending" | "ready" | "failed";
      /** The job that finds them out, or did. */
      lock_job?: string;
      /** Why it failed. Deploying the same version again asks once more. */
      lock_error?: string;
      /** JSON Schema of the arguments, inferred from `main`. */
      schema: Record<string, unknown>;
      created_at: string;
      created_by: string;
      /** Of an archived one: it is not listed and does not run. */
      archived_at?: string;
      archived_by?: string;
    };
    ListedVariable: {
      path: string;
      is_secret: boolean;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    Me: {
      /** What the token or session belongs to. */
      kind: "account" | "workspace" | "admin";
      /** What `created_by` says of changes by this caller. */
      label: string;
      account?: components["schemas"]["Account"];
      /** Of a limited token. */
      scopes?: (string)[];
      /** Where the caller may do something, and as what. */
      workspaces: ({
        name: string;
        role: "viewer" | "operator" | "developer" | "admin";
      })[];
    };
    Member: {
      /** Below u/NAME/ the member may do what the role allows, and nobody else unless granted. It stays the account's. */
      name: string;
      account: string;
      email?: string;
      role: "viewer" | "operator" | "developer" | "admin";
      /** The account may not log in at the moment. */
      disabled: boolean;
      revision: number;
      created_at: string;
      updated_at: string;
    };
    Problem: {
      type: string;
      title: string;
      status: number;
      detail: string;
      code: string;
      errors?: ({
        pointer: string;
        message: string;
      })[];
      hint?: string;
      request_id: string;
    };
    Resource: {
      path: string;
      type: string;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
      value: unknown;
    };
    ResourceType: {
      name: string;
      description: string;
      schema?: Record<string, unknown>;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    RunJobRequest: {
      /** Path of a deployed script: its newest version runs. */
      script?: string;
      /** One exact version of a deployed script. */
      hash?: string;
      /** Inline code, run without deploying it. */
      code?: {
        language: string;
        content: string;
      };
      /** Path of a deployed flow: its newest version runs. */
      flow?: string;
      /** One exact version of a deployed flow. */
      flow_hash?: string;
      /** A flow as OpenFlow, run without deploying it. */
      document?: Record<string, unknown>;
      /** The same as YAML text. */
      yaml?: string;
      /** Arguments of `main`, by name. */
      args?: Record<string, unknown>;
      /** Routing label: only agents that serve it take the job. */
      tag?: string;
      /** The attempt is stopped after this many milliseconds. */
      timeout_ms?: number;
      /** 0 waits longest, 9 goes first; only against jobs of the same workspace. Default 5. */
      priority?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** Not before this moment; one that has passed means now. */
      scheduled_for?: string;
      /** Not before this many seconds from now. Not together with scheduled_for. */
      delay_s?: number;
      /** How long the idempotency key of this request is remembered. Default a day. */
      idempotency_window_s?: number;
      /** How many jobs may run at a time. */
      concurrency?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key run at a time. */
        limit: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** How many jobs may start in a time. */
      rate?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key start within any `per_s` seconds. */
        starts: number;
        per_s: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
      debounce?: {
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** The job waits until no other of the key has come for so long. */
        delay_s: number;
        /** At most so long after the first of those that it replaced. Default: any time. */
        max_delay_s?: number;
      };
      /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
      network?: "none" | "full" | (string)[];
      /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
      min_sandbox_level?: number;
      /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
      memory_mb?: number;
      /** Processor of one attempt, thousandths. */
      cpu_millis?: number;
      /** Keeps a process of this script on the agent, so that the next run starts at once. */
      dedicated?: boolean;
    };
    Schedule: {
      path: string;
      cron: string;
      timezone: string;
      script?: string;
      flow?: string;
      overlap: "skip" | "queue" | "parallel";
      /** What is done about ticks that came while nothing ran: nothing, one run for all, or a run for each. Default none. */
      catch_up: {
        policy: "none";
      } | {
        policy: "latest";
      } | {
        policy: "all";
        /** Missed ticks that are made up for at most, the newest. */
        max: number;
        /** Older ones are not. */
        window_s: number;
      };
      paused: boolean;
      /** The next tick. None while it is paused, or when its pattern never matches again. */
      next_at?: string;
      /** Runs that failed in a row; counted for schedules with handlers. */
      failures: number;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
      args: Record<string, unknown>;
      tag?: string;
      priority?: number;
      timeout_ms?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      on_error?: {
        script: string;
        args: Record<string, unknown>;
        after: number;
        exact: boolean;
      };
      on_recovery?: {
        script: string;
        args: Record<string, unknown>;
        after: number;
      };
    };
    ScheduleRequest: {
      /** Five fields (minute, hour, day, month, weekday), or six with seconds first. Also L, W and #. */
      cron: string;
      /** Default UTC. */
      timezone?: string;
      script?: string;
      flow?: string;
      /** Arguments of each run. Texts `$var:path` and `$res:path` are filled in when an attempt starts. */
      args?: Record<string, unknown>;
      /** Routing label: only agents that serve it take the job. */
      tag?: string;
      priority?: number;
      timeout_ms?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** What a tick does while the run before has not ended: it is left out (skip, the default), waits for its turn (queue), or runs beside it (parallel). */
      overlap?: "skip" | "queue" | "parallel";
      /** What is done about ticks that came while nothing ran: nothing, one run for all, or a run for each. Default none. */
      catch_up?: {
        policy: "none";
      } | {
        policy: "latest";
      } | {
        policy: "all";
        /** Missed ticks that are made up for at most, the newest. */
        max: number;
        /** Older ones are not. */
        window_s: number;
      };
      /** A script that is run when runs fail. */
      on_error?: {
        /** Gets those of `schedule`, `path`, `job`, `due_at`, `error`, `failures` that its `main` takes, and `args`. */
        script: string;
        args?: Record<string, unknown>;
        /** Runs in a row that must have ended so. Default 1. */
        after?: number;
        /** Only at that number of failures, not at each from it on. */
        exact?: boolean;
      };
      /** A script that is run when runs succeed again. */
      on_recovery?: {
        /** Gets those of `schedule`, `path`, `job`, `due_at`, `error`, `failures` that its `main` takes, and `args`. */
        script: string;
        args?: Record<string, unknown>;
        /** Runs in a row that must have ended so. Default 1. */
        after?: number;
      };
      /** Left out: it stays as it is, and a new one is not. */
      paused?: boolean;
      description?: string;
    };
    ScheduleRun: {
      /** The tick, or the moment at which the run was asked for. */
      due_at: string;
      /** starting: its job is being started. waiting: for the run before. started: `job` says which job. skipped: the run before had not ended. missed: nothing ran then; the first of `ticks` up to `until`. failed: its job could not be started. */
      state: "starting" | "waiting" | "started" | "skipped" | "missed" | "failed";
      /** Who asked for it; none for a tick. */
      asked_by?: string;
      job?: string;
      /** Of the job. */
      status?: "queued" | "running" | "succeeded" | "failed" | "cancelled";
      /** Why it was skipped or could not be started. */
      reason?: string;
      until?: string;
      /** Missed ones; at 1000 there may be more. */
      ticks?: number;
      /** Which handler its end called. */
      handler?: "error" | "recovery";
      handler_job?: string;
    };
    Script: {
      path: string;
      /** Names this version for ever: sha256 of path, language, code and settings. */
      hash: string;
      language: string;
      summary: string;
      tag: string;
      timeout_ms?: number;
      priority?: number;
      /** Another attempt after a failure. Without constant and exponential: exponential from 1 s. */
      retry?: {
        /** How often it may fail; 1 for no retry. Lost attempts do not count. */
        max_attempts: number;
        constant?: {
          delay_s: number;
        };
        exponential?: {
          first_s: number;
          /** Default 2. */
          factor?: number;
          /** Default 300. */
          max_s?: number;
          /** Share of each wait that is left to chance. Default 0.2. */
          jitter?: number;
        };
        /** Default: exit_code, signal, timeout, out_of_memory, disk_full and sandbox_error. */
        retry_if?: {
          /** Exit reasons that are tried again. */
          reasons?: ("exit_code" | "signal" | "timeout" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing")[];
          /** Of the reason exit_code, only these codes. */
          exit_codes?: (number)[];
        };
      };
      /** The job ends as cancelled, with reason expired, when no attempt has begun within this time. */
      queue_ttl_s?: number;
      /** The script gets SIGTERM after this many milliseconds; timeout_ms then kills it. */
      soft_timeout_ms?: number;
      /** How many jobs may run at a time. */
      concurrency?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key run at a time. */
        limit: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** How many jobs may start in a time. */
      rate?: ({
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** So many jobs of the key start within any `per_s` seconds. */
        starts: number;
        per_s: number;
        /** What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled. */
        strategy?: "queue" | "fail" | "cancel_oldest" | "cancel_newest";
      })[];
      /** A new job replaces the one of the same key that waits: that one ends as cancelled. */
      debounce?: {
        /** Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, `$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path. */
        key?: string;
        /** The job waits until no other of the key has come for so long. */
        delay_s: number;
        /** At most so long after the first of those that it replaced. Default: any time. */
        max_delay_s?: number;
      };
      /** What the script may reach: nothing, everything, or only these targets. Default: what the agent allows. */
      network?: "none" | "full" | (string)[];
      /** An agent whose sandbox is weaker refuses. See `millrace agent doctor`. */
      min_sandbox_level?: number;
      /** Memory of one attempt, MiB. Beyond it ends as out_of_memory. */
      memory_mb?: number;
      /** Processor of one attempt, thousandths. */
      cpu_millis?: number;
      /** Keeps a process of this script on the agent, so that the next run starts at once. */
      dedicated?: boolean;
      /** Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves. */
      lock_state: "none" | "pending" | "ready" | "failed";
      /** The job that finds them out, or did. */
      lock_job?: string;
      /** Why it failed. Deploying the same version again asks once more. */
      lock_error?: string;
      /** JSON Schema of the arguments, inferred from `main`. */
      schema: Record<string, unknown>;
      created_at: string;
      created_by: string;
      /** Of an archived one: it is not listed and does not run. */
      archived_at?: string;
      archived_by?: string;
      content: string;
      /** Once it is ready. */
      lock?: string;
      /** true: the lock came with the deploy, and is part of what the hash names. */
      lock_given: boolean;
    };
    ServiceAccount: {
      name: string;
      role: "viewer" | "operator" | "developer" | "admin" | null;
      created_by: string;
      created_at: string;
    };
    Session: {
      id: string;
      method: string;
      user_agent: string;
      address: string;
      created_at: string;
      /** To within a minute. */
      seen_at: string;
      expires_at: string;
      is_current: boolean;
    };
    Token: {
      id: string;
      kind: "personal" | "service" | "workspace";
      /** Address of the person, or name of the service account. */
      holder: string | null;
      label: string;
      scopes: (string)[] | null;
      created_by: string;
      created_at: string;
      expires_at: string | null;
      /** To within five minutes. */
      last_used_at: string | null;
      status: "usable" | "expired" | "revoked";
    };
    Trigger: {
      path: string;
      kind: "webhook" | "route";
      method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
      pattern?: string;
      /** What it starts: a deployed script, the newest version. */
      script?: string;
      /** Or a deployed flow. */
      flow?: string;
      /** What the caller gets: the job's id at once (202), its result (`wait`, 202 when it takes longer than `wait_s`), or Server-Sent Events. */
      mode: "async" | "wait" | "sse";
      /** Seconds, for `wait`. Default 30. */
      wait_s?: number;
      /** Who may call: whoever has a token, or signs as Standard Webhooks (`standard`) or one of these services do. `none` is for routes. */
      auth: {
        kind: "none";
      } | {
        kind: "token";
        /** In which header the token comes. Default: `Authorization: Bearer …`. */
        header?: string;
      } | {
        kind: "standard" | "github" | "stripe" | "slack" | "gitlab";
      };
      /** Argument → where it comes from. Default: the members of the body, or the query; and the parameters of the pattern. */
      args?: Record<string, string>;
      /** Arguments that are always the same. They may refer to variables and resources; what callers send may not. */
      constants?: Record<string, unknown>;
      /** Of answers with a result. The result may say the same: `millrace_status`, `millrace_headers`, `millrace_content_type`, `millrace_body`. */
      response?: {
        status?: number;
        content_type?: string;
        headers?: Record<string, string>;
      };
      paused: boolean;
      description: string;
      /** Where it is called; without a host when the server does not know its own (MILLRACE_PUBLIC_URL). */
      url: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
    };
    TriggerRequest: {
      /** webhook: a POST to …/webhooks/{path}. route: a method and a pattern of your own. */
      kind: "webhook" | "route";
      /** Of a route. */
      method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
      /** Of a route, below /api/r/{workspace}: `/orders/:id`, `/files/*rest`. */
      pattern?: string;
      /** What it starts: a deployed script, the newest version. */
      script?: string;
      /** Or a deployed flow. */
      flow?: string;
      /** What the caller gets: the job's id at once (202), its result (`wait`, 202 when it takes longer than `wait_s`), or Server-Sent Events. */
      mode?: "async" | "wait" | "sse";
      /** Seconds, for `wait`. Default 30. */
      wait_s?: number;
      /** Who may call: whoever has a token, or signs as Standard Webhooks (`standard`) or one of these services do. `none` is for routes. */
      auth: {
        kind: "none";
      } | {
        kind: "token";
        /** In which header the token comes. Default: `Authorization: Bearer …`. */
        header?: string;
      } | {
        kind: "standard" | "github" | "stripe" | "slack" | "gitlab";
      };
      /** Argument → where it comes from. Default: the members of the body, or the query; and the parameters of the pattern. */
      args?: Record<string, string>;
      /** Arguments that are always the same. They may refer to variables and resources; what callers send may not. */
      constants?: Record<string, unknown>;
      /** Of answers with a result. The result may say the same: `millrace_status`, `millrace_headers`, `millrace_content_type`, `millrace_body`. */
      response?: {
        status?: number;
        content_type?: string;
        headers?: Record<string, string>;
      };
      /** Left out: it stays as it is. */
      paused?: boolean;
      description?: string;
    };
    UsageDay: {
      day: string;
      /** Jobs that were created on this day and have ended; steps of flows are jobs, too. */
      jobs: number;
      failed: number;
      cancelled: number;
      /** Seconds that their last attempts ran. */
      run_s: number;
      /** What they printed. */
      log_bytes: number;
      /** What their results take in the database. */
      result_bytes: number;
      counted_at: string;
    };
    Variable: {
      path: string;
      is_secret: boolean;
      description: string;
      revision: number;
      created_at: string;
      created_by: string;
      updated_at: string;
      updated_by: string;
      /** Of a plain one only. */
      value?: string;
    };
    Workspace: {
      name: string;
      /** They still lead to it. */
      former_names: (string)[];
      created_at: string;
    };
    WorkspaceLimits: {
      /** Its part of contended slots, relative to other workspaces: with weight 2 it gets twice the worker time of one with 1. */
      weight: number;
      /** Most jobs that it may run at a time. null: any number; 0: none start. */
      max_running: number | null;
    };
    WorkspaceQuotas: {
      /** What was set for this workspace; null: as the instance says. */
      own: {
        /** Requests to the API, all tokens together; twice as many at once. */
        requests_per_s: number | null;
        /** Requests with each token. */
        token_requests_per_s: number | null;
        /** Jobs that may be started; steps of flows do not count. */
        jobs_per_minute: number | null;
        /** Jobs that may wait, when more are started. */
        max_queued: number | null;
        /** Output and results that may be kept, when more jobs are started. */
        max_storage_bytes: number | null;
      };
      in_force: {
        /** null: any number. */
        requests_per_s: number | null;
        /** null: any number. */
        token_requests_per_s: number | null;
        /** null: any number. */
        jobs_per_minute: number | null;
        /** null: any number. */
        max_queued: number | null;
        /** null: any number. */
        max_storage_bytes: number | null;
      };
      used: {
        /** Jobs that wait, counted up to 10,000. */
        queued: number;
        /** Jobs that run, counted up to 10,000. */
        running: number;
        /** As counted last, see usage. */
        storage_bytes: number;
      };
    };
  };
}
