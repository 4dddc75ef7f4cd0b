import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { FINAL_METADATA, type FinalReason } from "../../kernel/agent-proof.ts";
import { AppError } from "../../kernel/app-error.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";

/** A refusal that an agent cannot outlive: it ends its jobs and itself, also when it was welcome before. */
export class FinalRefusal extends AppError {
  readonly final: FinalReason;

  constructor(final: FinalReason, message: string) {
    super("permission_denied", message);
    this.final = final;
  }
}

export function revokedRefusal(): FinalRefusal {
  return new FinalRefusal("revoked", "this agent was revoked");
}

/** How a stream ends by an error of ours. */
export function statusOf(error: AppError): Partial<StatusObject> {
  const plain = { code: GRPC_STATUS[error.code] ?? status.UNKNOWN, details: error.message };
  if (!(error instanceof FinalRefusal)) return plain;
  const metadata = new Metadata();
  metadata.set(FINAL_METADATA, error.final);
  return { ...plain, metadata };
}
