/**
 * How the control plane tells an agent which secrets are in an answer that the agent passes on to a job: the body begins with one line of JSON,
 * `{"type": content type of the rest, "secrets": [value, …]}`. Only for agents that ask for it, by this header.
 */
export const SECRETS_AHEAD_HEADER = "millrace-secrets-ahead";
export const SECRETS_AHEAD = "application/vnd.millrace.secrets-ahead";
