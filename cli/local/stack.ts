import { join } from "node:path";
import { resolveStateDir } from "../../control-plane/db/state-dir.ts";
import type { ControlPlane } from "../../control-plane/main.ts";
import { AppError } from "../../kernel/app-error.ts";
import { type ApiClient, createApiClient } from "../api-client.ts";
import { startProgress } from "../output.ts";
import { PROJECT_ROOT } from "../settings.ts";
import { AgentChild } from "./agent-child.ts";
import { createConsoleLog, logLevel } from "./console-log.ts";

/** Everything on this machine: control plane (with its database) in this process, one agent as a child. */
export interface LocalStack {
  readonly controlPlane: ControlPlane;
  readonly client: ApiClient;
  /** Resolves when the agent takes jobs. Errors: failed_precondition when it does not come. */
  agentReady(): Promise<void>;
  /** Agent, control plane, database, in this order. Idempotent. */
  stop(reason: string): Promise<void>;
  /** Ends the agent at once; the database ends by itself when this process does. */
  kill(): void;
}

const AGENT_WITHIN_MS = 30_000;
const LOOK_MS = 50;
/** It died this often before it ever connected: another try will not help. */
const MAX_DEATHS = 2;

/** Starts the control plane and an agent. Errors: those of `startControlPlane`. */
export async function startLocalStack(signal: AbortSignal): Promise<LocalStack> {
  const progress = startProgress("starting database and control plane");
  let controlPlane: ControlPlane;
  try {
    const { startControlPlane } = await import("../../control-plane/main.ts");
    controlPlane = await startControlPlane(process.env, { log: createConsoleLog("server", logLevel(process.env, "warn")) });
  } catch (error) {
    progress.fail("the control plane did not start");
    throw error;
  }
  progress.done(`control plane at ${controlPlane.httpUrl}`);
  const { credentials } = controlPlane;
  const agent = new AgentChild({
    grpcAddress: controlPlane.grpcAddress,
    token: credentials.agent_token,
    dataDir: join(resolveStateDir(PROJECT_ROOT, process.env), "agent"),
  });
  if (!signal.aborted) agent.start();
  const client = createApiClient({ url: controlPlane.httpUrl, workspace: credentials.workspace, token: credentials.token });
  let stopped: Promise<void> | undefined;
  const stop = async (reason: string): Promise<void> => {
    await agent.stop();
    await controlPlane.stop(reason);
  };
  return {
    controlPlane,
    client,
    agentReady: () => waitForAgent(client, agent, signal),
    stop: (reason) => {
      stopped ??= stop(reason);
      return stopped;
    },
    kill: () => agent.kill(),
  };
}

async function waitForAgent(client: ApiClient, agent: AgentChild, signal: AbortSignal): Promise<void> {
  const progress = startProgress("waiting for the agent");
  const begunMs = performance.now();
  while (!signal.aborted) {
    const [first] = await client.agents();
    if (first !== undefined) {
      const languages = first.languages.map((entry) => entry.language).join(", ");
      progress.done(
        `agent "${first.name}": ${first.slots} slots, ${languages === "" ? "no languages" : languages}, ${first.sandbox.level > 0 ? `sandbox level ${first.sandbox.level}` : "NO sandbox"}`,
      );
      return;
    }
    if (agent.deaths >= MAX_DEATHS || performance.now() - begunMs > AGENT_WITHIN_MS) {
      progress.fail("no agent");
      throw new AppError(
        "failed_precondition",
        agent.deaths > 0 ? "the agent ends as soon as it starts" : `the agent did not connect within ${AGENT_WITHIN_MS / 1000} s`,
        {
          hint: agent.lastLines.length === 0 ? "try it alone: millrace agent" : `its last words are above; alone it starts with: millrace agent`,
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  progress.clear();
}
