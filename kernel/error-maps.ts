import type { ErrorCode } from "./app-error.ts";

/** HTTP status of each code; total by its type. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  cancelled: 499,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  aborted: 412,
  permission_denied: 403,
  unauthenticated: 401,
  resource_exhausted: 429,
  failed_precondition: 409,
  out_of_range: 413,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
};

/** gRPC status number of each code. */
export const GRPC_STATUS: Readonly<Record<ErrorCode, number>> = {
  cancelled: 1,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};
