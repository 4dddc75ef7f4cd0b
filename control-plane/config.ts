import { hostname } from "node:os";
import { z } from "zod";
import { AppError } from "../kernel/app-error.ts";
import { AGENT_DOOR_SETTINGS } from "./agent-settings.ts";
import { IDENTITY_SETTINGS } from "./identity-settings.ts";
import { OUTBOUND_SETTINGS } from "./outbound-settings.ts";
import { QUOTA_SETTINGS } from "./quota-settings.ts";
import { SECRET_SETTINGS } from "./secret-settings.ts";
import { STORAGE_SETTINGS } from "./storage-settings.ts";

/** Every setting of the control plane. Each is an environment variable; docs/configuration.md is checked against this list. */
export const SETTINGS = {
  MILLRACE_HTTP_HOST: z.string().default("127.0.0.1").meta({ description: "Address that the API listens on. 0.0.0.0 opens it to the network." }),
  MILLRACE_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(8000).meta({ description: "Port of the API; 0 takes a free one." }),
  MILLRACE_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: "Where others reach the API, such as https://millrace.example.com: agents hand it to jobs." }),
  MILLRACE_GRPC_HOST: z.string().default("127.0.0.1").meta({ description: "Address that agents connect to." }),
  MILLRACE_GRPC_PORT: z.coerce.number().int().min(0).max(65535).default(8001).meta({ description: "Port for agents; 0 takes a free one." }),
  MILLRACE_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//)
    .optional()
    .meta({ description: "PostgreSQL 15 to 18. Without it an embedded PostgreSQL runs in the state folder." }),
  MILLRACE_DATABASE_WAIT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(30_000)
    .meta({ description: "How long a start waits for Postgres to answer, milliseconds." }),
  MILLRACE_STATE_DIR: z
    .string()
    .optional()
    .meta({ description: "Folder of the embedded database and of credentials.json. Default: .millrace in the checkout." }),
  MILLRACE_REPLICA_NAME: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: "Name under which this replica holds its lease; a restart under the same name takes over at once. Default: host and port." }),
  MILLRACE_PEER_ADDRESS: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/)
    .optional()
    .meta({ description: "host:port where other replicas reach this one's port for agents. Default: that port's own address, or the host name for 0.0.0.0." }),
  MILLRACE_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").meta({ description: "Least level that is logged." }),
  MILLRACE_WORKSPACE: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
    .default("main")
    .meta({ description: "Workspace that is made at first start." }),
  MILLRACE_HOT_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(8)
    .default(2)
    .meta({ description: "Postgres connections of the group commit. More rarely help: one writer is the design." }),
  MILLRACE_HOT_JOBS: z.coerce
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(20_000)
    .meta({ description: "Waiting jobs per workspace, tag and language that are held in memory; the rest stays in the database." }),
  MILLRACE_JOB_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(30 * 60 * 1000)
    .meta({ description: "Time limit of a job that has none of its own, milliseconds." }),
  MILLRACE_CANCEL_GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .meta({ description: "Between SIGTERM and SIGKILL of a cancelled job, milliseconds." }),
  MILLRACE_RESULT_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .max(2 * 1024 * 1024)
    .default(2 * 1024 * 1024)
    .meta({ description: "Largest result of a job, bytes of JSON." }),
  MILLRACE_LOG_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(256 * 1024 * 1024)
    .meta({ description: "Output of one attempt that is kept, bytes; what comes after is counted and dropped, with a visible note." }),
  MILLRACE_KEEPALIVE_MS: z.coerce.number().int().min(100).default(3000).meta({ description: "Interval of the agents' keepalives, milliseconds." }),
  MILLRACE_SUSPECT_MS: z.coerce
    .number()
    .int()
    .min(300)
    .default(10_000)
    .meta({ description: "Silence after which an agent's stream is given up, milliseconds." }),
  MILLRACE_SELF_FENCE_MS: z.coerce
    .number()
    .int()
    .min(500)
    .default(20_000)
    .meta({ description: "Without an answer for this long an agent kills its jobs, milliseconds. Must be well below MILLRACE_RECLAIM_MS." }),
  MILLRACE_RECLAIM_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(30_000)
    .meta({ description: "Silence after which an agent's attempts go back into the queue, milliseconds." }),
  ...AGENT_DOOR_SETTINGS,
  ...STORAGE_SETTINGS,
  ...SECRET_SETTINGS,
  ...QUOTA_SETTINGS,
  ...IDENTITY_SETTINGS,
  ...OUTBOUND_SETTINGS,
} as const;

const schema = z.object(SETTINGS);
export type Config = Readonly<z.infer<typeof schema>> & { readonly replicaName: string };

/** Variables under our prefix that belong to others: the agent, the CLI, the tests. */
const FOREIGN = /^MILLRACE_(AGENT_.*|BUILD_ENV_.*|TEST_.*|BENCH_.*|URL|TOKEN|GRPC_ADDRESS|SKIP_SYSTEM_PACKAGES)$/;

/** Reads and checks the configuration. Errors: invalid_argument that names every variable that is wrong or unknown. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const ours = Object.fromEntries(Object.entries(env).filter(([name, value]) => name.startsWith("MILLRACE_") && value !== ""));
  const unknown = Object.keys(ours).filter((name) => !(name in SETTINGS) && !FOREIGN.test(name));
  const parsed = schema.safeParse(ours);
  const problems = [
    ...unknown.map((name) => `${name}: there is no such setting`),
    ...(parsed.error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? []),
  ];
  if (!parsed.success || problems.length > 0)
    throw new AppError("invalid_argument", `the configuration is wrong:\n  ${problems.join("\n  ")}`, {
      hint: "all settings are listed in docs/configuration.md",
    });
  const config = parsed.data;
  if (config.MILLRACE_SELF_FENCE_MS * 1.3 > config.MILLRACE_RECLAIM_MS) {
    throw new AppError(
      "invalid_argument",
      "MILLRACE_RECLAIM_MS must be at least 1.3 times MILLRACE_SELF_FENCE_MS: otherwise two attempts of one job could run at the same time",
    );
  }
  const {
    MILLRACE_GRPC_TLS_CERT_FILE: cert,
    MILLRACE_GRPC_TLS_KEY_FILE: key,
    MILLRACE_GRPC_TLS_CLIENT_CA_FILE: clients,
    MILLRACE_GRPC_TLS_CA_FILE: ca,
  } = config;
  if ((cert === undefined) !== (key === undefined) || (cert === undefined && (clients !== undefined || ca !== undefined))) {
    throw new AppError(
      "invalid_argument",
      "set MILLRACE_GRPC_TLS_CERT_FILE and MILLRACE_GRPC_TLS_KEY_FILE together; the other MILLRACE_GRPC_TLS_ settings need both",
    );
  }
  return Object.freeze({
    ...config,
    replicaName: config.MILLRACE_REPLICA_NAME ?? `${hostname()}:${config.MILLRACE_HTTP_PORT === 0 ? `p${process.pid}` : config.MILLRACE_HTTP_PORT}`,
  });
}
