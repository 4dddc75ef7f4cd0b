// Made from the description of the API by npm run sdk. Do not edit.

export interface paths {
  "/api/v1/approvals/{token}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What a link to a waiting step is about. The link itself is the permission. GET changes nothing, so that previews of links are harmless. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          token: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
            /** JSON Schema of the payload. */
            form?: unknown;
            can_refuse: boolean;
          };
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
  "/api/v1/w/{workspace}/agents": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Connected agents that serve the workspace */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            agents: ({
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
  "/api/v1/w/{workspace}/agents/enrolled": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Agents that joined the workspace with a key, connected or not. The newest 1000. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            agents: ({
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
  "/api/v1/w/{workspace}/agents/join-tokens": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Join tokens, newest first, without their secrets. The newest 200, used up and revoked ones too. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            tokens: ({
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
            })[];
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    put?: never;
    /** Make a token with which hosts join the workspace as agents */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
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
    /** Revoke a join token. Agents that joined with it stay. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
    /** Revoke an agent. Its stream is ended within a second, at whichever replica it is; it kills its jobs and ends, and is refused from now on. Its jobs start again elsewhere after MILLRACE_RECLAIM_MS. An agent with a long-lived token could come back under another id: revoke that token too. */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
    /** Let an agent finish and end. It takes no new jobs, ends what it runs within its own grace, hands back the rest and ends its process with 0. One that is started again serves as before. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
    /** Give an agent no new jobs. What it runs goes on. Holds until it is resumed, also when the agent or the control plane starts again. A shared agent takes an administrator's token. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
    /** Give a paused agent jobs again. Nothing happens to one that is not paused. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
  "/api/v1/w/{workspace}/drafts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Drafts, without what is in them */
    get: {
      parameters: {
        query?: {
          kind?: "script" | "flow";
          /** Only drafts of this path. */
          path?: string;
          /** true: those of all authors; without it the caller's own. */
          everybody?: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            drafts: ({
              kind: "script" | "flow";
              path: string;
              author: string;
              revision: number;
              created_at: string;
              updated_at: string;
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
  "/api/v1/w/{workspace}/drafts/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The caller's own draft of a path */
    get: {
      parameters: {
        query: {
          kind: "script" | "flow";
          path: string;
        };
        header?: never;
        path: {
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
    /** Keep a draft of one's own. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 409. */
    put: {
      parameters: {
        query: {
          kind: "script" | "flow";
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
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
          "application/json": {
            kind: "script" | "flow";
            path: string;
            author: string;
            revision: number;
            created_at: string;
            updated_at: string;
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            kind: "script" | "flow";
            path: string;
            author: string;
            revision: number;
            created_at: string;
            updated_at: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Throw a draft of one's own away */
    delete: {
      parameters: {
        query: {
          kind: "script" | "flow";
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
    /** Current versions, by path */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
          /** true: those that are archived, instead of those in use. */
          archived?: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            flows: ({
              path: string;
              /** Names this version for ever: sha256 of path and document. */
              hash: string;
              summary: string;
              created_at: string;
              created_by: string;
              /** Of an archived one: it is not listed and does not run. */
              archived_at?: string;
              archived_by?: string;
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
    /** Deploy a version of a flow. Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: nothing must be in use at the path; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          path: string;
          /** The flow as OpenFlow: `summary`, `schema`, `value` with its steps. */
          document?: Record<string, unknown>;
          /** The same as YAML text instead. It is kept as it is, comments and all. */
          yaml?: string;
        };
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
    /** Archive a flow. It keeps its versions and the history of its runs, is not listed and does not run any more. Runs that there are already go on. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/flows/by-hash/{hash}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One version, with its document */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
          hash: string;
        };
        cookie?: never;
      };
      requestBody?: never;
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
            /** As it was deployed. */
            document: Record<string, unknown>;
            /** The text that it was deployed as, when that was YAML. */
            yaml?: string;
            /** Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50. */
            ignored: (string)[];
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
  "/api/v1/w/{workspace}/flows/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The current version of a path, with its document, archived or not */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
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
            /** As it was deployed. */
            document: Record<string, unknown>;
            /** The text that it was deployed as, when that was YAML. */
            yaml?: string;
            /** Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50. */
            ignored: (string)[];
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
  "/api/v1/w/{workspace}/flows/move": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give a flow another path. Its versions go along, and so does the history of its runs. What refers to the old path is left as it is. The path is part of a version's hash: the current one gets a new one. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/flows/unarchive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Take a flow back from the archive */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/flows/versions": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** All versions of a path, the newest first */
    get: {
      parameters: {
        query: {
          path: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
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
  "/api/v1/w/{workspace}/jobs": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Jobs, newest first */
    get: {
      parameters: {
        query?: {
          status?: "queued" | "running" | "succeeded" | "failed" | "cancelled";
          script?: string;
          /** Steps of flows, too. Default: only when a script is named. */
          steps?: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            jobs: ({
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                  reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
    /** Run a deployed script or inline code */
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
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
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
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
        } };
        202: { headers: { [name: string]: unknown }; content: {
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
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
    /** Run a deployed script many times. The ids come in the order of the request. 201 means that all are accepted. After a 503 it is not known which of them were: they may be accepted in part. With an Idempotency-Key the same request may be sent again: it completes the rest, and is a 200 when nothing was missing. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The same key and body give the same job, however often they are sent. With another body it is a 409. Remembered for a day unless set. */
          "idempotency-key"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/jobs/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One job */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
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
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
    /** The arguments, as JSON */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
    /** End a job early. A waiting job ends at once. A running one gets SIGTERM, and SIGKILL after a grace period. Cancelling a job that has ended is a 409. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
              reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
                reason: "succeeded" | "exit_code" | "signal" | "timeout" | "cancelled" | "out_of_memory" | "disk_full" | "syntax_error" | "result_invalid" | "result_too_large" | "sandbox_error" | "runtime_missing" | "lost" | "fenced" | "expired" | "limit_reached" | "policy" | "step_failed" | "input_missing";
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
  "/api/v1/w/{workspace}/jobs/{id}/flow": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The run of a flow, step by step */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
    /** Let a waiting step go on, or refuse it, under one's own name */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
          step?: string;
          approve: boolean;
          /** What the flow sees as `resume`. */
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
    /** What happened in the run of a flow. All events in their order, by page. With `follow=true` Server-Sent Events until the run has ended: `event` (its id is the number; pass it back as Last-Event-ID to go on where you were) and one `end` with the job. */
    get: {
      parameters: {
        query?: {
          /** Only events after the one with this number. */
          after?: number;
          limit?: number;
          /** true: Server-Sent Events until the run has ended. */
          follow?: string;
        };
        header?: never;
        path: {
          workspace: string;
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
    /** Links for somebody who is to answer for a waiting step. The links are made and not stored: the same request gives the same ones. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
          "application/json": {
            step: string;
            approver: string;
            /** A POST to it approves; a body is the payload that the flow sees as `resume`. Whoever has it needs no token. */
            resume_url: string;
            /** A POST to it refuses. */
            cancel_url: string;
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
  "/api/v1/w/{workspace}/jobs/{id}/logs": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** What the job printed. Plain text of the newest attempt (or of the one asked for), or with `stream=result` what it has streamed as its result. With `follow=true` Server-Sent Events until the job has ended: `log` (id `attempt.seq.segment`, pass it back as Last-Event-ID to go on where you were), `state` on each change, and one `end`. */
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
          workspace: string;
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
    /** Say how far the job is. For a running job, of itself. Shown as `progress`; a reader that follows the log gets a `state` event. */
    put: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
  "/api/v1/w/{workspace}/jobs/{id}/result": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The result, as JSON */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
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
  "/api/v1/w/{workspace}/limits": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Weight and cap of the workspace */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            /** Its part of contended slots, relative to other workspaces: with weight 2 it gets twice the worker time of one with 1. */
            weight: number;
            /** Most jobs that it may run at a time. null: any number; 0: none start. */
            max_running: number | null;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Set weight and cap of the workspace. Takes effect within two seconds, without a restart. Jobs that run beyond a lowered cap go on. Needs an administrator's token. */
    put: {
      parameters: {
        query?: never;
        header?: never;
        path: {
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
          "application/json": {
            /** Its part of contended slots, relative to other workspaces: with weight 2 it gets twice the worker time of one with 1. */
            weight: number;
            /** Most jobs that it may run at a time. null: any number; 0: none start. */
            max_running: number | null;
          };
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
    /** Resource types, by name, without their schemas */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
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
    /** One resource type, with its schema */
    get: {
      parameters: {
        query: {
          name: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            name: string;
            description: string;
            schema?: Record<string, unknown>;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a resource type. Resources that there are already are not checked again before they change. */
    put: {
      parameters: {
        query: {
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
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
          "application/json": {
            name: string;
            description: string;
            schema?: Record<string, unknown>;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            name: string;
            description: string;
            schema?: Record<string, unknown>;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a resource type. Its resources stay, and are not checked any more. */
    delete: {
      parameters: {
        query: {
          name: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
    /** Resources, by path, without their values */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
          /** Only of this type. Without it: of all types but `state`. */
          type?: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            resources: ({
              path: string;
              type: string;
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
  "/api/v1/w/{workspace}/resources/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One resource, as it is stored */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a resource. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 409. */
    put: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
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
          "application/json": {
            path: string;
            type: string;
            description: string;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
          };
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            path: string;
            type: string;
            description: string;
            revision: number;
            created_at: string;
            created_by: string;
            updated_at: string;
            updated_by: string;
          };
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a resource */
    delete: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
    /** The value alone, with what its references stand for. One that holds secrets is given to running jobs alone. */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
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
    /** Schedules, by path, without what their runs get */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            schedules: ({
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
  "/api/v1/w/{workspace}/schedules/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One schedule */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or replace a schedule. 201 when it is new. What is left out has its default, but for `paused`. While pattern and zone stay the same, so does its next tick. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 409. */
    put: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
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
      } };
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a schedule, and what is known of its runs; their jobs stay */
    delete: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
    /** No more ticks until it is resumed */
    post: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
    /** The next ticks of a pattern */
    get: {
      parameters: {
        query: {
          /** Five fields (minute, hour, day, month, weekday), or six with seconds first. Also L, W and #. */
          cron: string;
          /** A zone of the IANA database. */
          timezone?: string;
          count?: number;
          /** Ticks after this moment; default now. */
          after?: string;
        };
        header?: never;
        path: {
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
    /** Tick again; what would have come meanwhile does not */
    post: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
    /** Run it once now, paused or not, whatever its earlier runs do */
    post: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
    /** What became of the ticks of a schedule, newest first */
    get: {
      parameters: {
        query: {
          path: string;
          /** `next_cursor` of the page before. */
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            runs: ({
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
  "/api/v1/w/{workspace}/scripts": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Current versions, by path */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
          /** true: those that are archived, instead of those in use. */
          archived?: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            scripts: ({
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
    /** Deploy a version of a script. Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: nothing must be in use at the path; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody: { content: {
        "application/json": {
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
    /** Archive a script. It keeps its versions and the history of its jobs, is not listed and does not run any more. Jobs that there are already go on. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/scripts/by-hash/{hash}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One version, with its code */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          workspace: string;
          hash: string;
        };
        cookie?: never;
      };
      requestBody?: never;
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
            content: string;
            /** Once it is ready. */
            lock?: string;
            /** true: the lock came with the deploy, and is part of what the hash names. */
            lock_given: boolean;
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
  "/api/v1/w/{workspace}/scripts/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** The current version of a path, with its code, archived or not */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
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
            content: string;
            /** Once it is ready. */
            lock?: string;
            /** true: the lock came with the deploy, and is part of what the hash names. */
            lock_given: boolean;
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
  "/api/v1/w/{workspace}/scripts/move": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Give a script another path. Its versions and the history of its jobs go along. What refers to the old path is left as it is; so is its state. The path is part of a version's hash: the current one gets a new one. */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/scripts/unarchive": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    /** Take a script back from the archive */
    post: {
      parameters: {
        query?: never;
        header?: {
          /** The ETag (the hash in quotes) that the current version must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
  "/api/v1/w/{workspace}/scripts/versions": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** All versions of a path, the newest first, without their code */
    get: {
      parameters: {
        query: {
          path: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
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
    /** Keys with which the secrets of the workspace are sealed, newest first. A rotation is over when there is one. The keys themselves are shown to nobody. */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
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
    /** Seal the secrets of the workspace with a new key. New secrets use it at once; the others follow in the background, while jobs run. The old key is deleted after the last one. */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
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
  "/api/v1/w/{workspace}/variables": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** Variables, by path, without their values */
    get: {
      parameters: {
        query?: {
          prefix?: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
            variables: ({
              path: string;
              is_secret: boolean;
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
  "/api/v1/w/{workspace}/variables/by-path": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    /** One variable; the value of a plain one */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
          workspace: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    /** Make or change a variable. 201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 409. */
    put: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
          /** `*`: it must not be there yet; otherwise a 409. */
          "if-none-match"?: "*";
        };
        path: {
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
          "application/json": {
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
        } };
        201: { headers: { [name: string]: unknown }; content: {
          "application/json": {
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
        } };
        default: { headers: { [name: string]: unknown }; content: {
          "application/problem+json": components["schemas"]["Problem"];
        } };
      };
    };
    post?: never;
    /** Delete a variable */
    delete: {
      parameters: {
        query: {
          path: string;
        };
        header?: {
          /** The ETag that the thing must still have; otherwise a 409. */
          "if-match"?: string;
        };
        path: {
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
    /** The value alone. That of a secret is given to running jobs alone. With `Accept: text/plain` it comes as it is. */
    get: {
      parameters: {
        query: {
          path: string;
        };
        header?: never;
        path: {
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
}

export interface components {
  schemas: {
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
  };
}
