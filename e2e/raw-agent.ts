import { randomUUID } from "node:crypto";
import { type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Bundle } from "../proto/gen/millrace/agent/v1/job.ts";
import { type AgentFrame, AgentSessionClient, type Hello, type ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import { until } from "./harness.ts";

/** An agent that does just what a test tells it to, over the real wire: for what a correct agent never does. */
export class RawAgent {
  readonly frames: ServerFrame[] = [];
  error: ServiceError | undefined;
  readonly #client: AgentSessionClient;
  readonly #stream: ClientDuplexStream<AgentFrame, ServerFrame>;

  constructor(address: string, token: string, hello: Partial<Hello> = {}) {
    this.#client = new AgentSessionClient(address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    this.#stream = this.#client.session(metadata);
    this.#stream.on("data", (frame: ServerFrame) => this.frames.push(frame));
    this.#stream.on("error", (error: ServiceError) => {
      this.error = error;
    });
    this.send({
      hello: {
        protocolVersion: 1,
        agentId: randomUUID(),
        agentName: "raw",
        bootId: randomUUID(),
        agentVersion: "test",
        tags: ["default"],
        slots: 1,
        runtimes: [{ language: "bash", version: "5" }],
        sandbox: { level: 0, reasons: [] },
        cpus: 1,
        memoryBytes: 1,
        held: [],
        host: "test",
        ...hello,
      },
    });
  }

  send(frame: Partial<AgentFrame>): void {
    this.#stream.write({ hello: undefined, received: [], started: [], logChunks: [], finished: [], keepalive: undefined, capacity: undefined, ...frame });
  }

  /** The first bundle that the server assigns. */
  async assigned(): Promise<Bundle> {
    await until("a job is assigned", async () => this.frames.some((frame) => frame.assign.length > 0));
    const bundle = this.frames.flatMap((frame) => frame.assign)[0];
    if (bundle === undefined) throw new Error("no bundle");
    return bundle;
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
