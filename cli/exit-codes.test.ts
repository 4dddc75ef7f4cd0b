import { describe, expect, it } from "vitest";
import { AppError, type ErrorCode } from "../kernel/app-error.ts";
import { HTTP_STATUS } from "../kernel/error-maps.ts";
import { EXIT_REASONS } from "../kernel/exit.ts";
import { decodeProblem } from "./api-codec.ts";
import { exitCodeOfError, exitCodeOfJob } from "./exit-codes.ts";

describe("exit codes", () => {
  it("are those of the contract for what the server refuses", () => {
    const expected: Record<ErrorCode, number> = {
      cancelled: 130,
      invalid_argument: 2,
      deadline_exceeded: 7,
      not_found: 3,
      already_exists: 4,
      aborted: 4,
      permission_denied: 5,
      unauthenticated: 5,
      resource_exhausted: 6,
      failed_precondition: 4,
      out_of_range: 2,
      unimplemented: 2,
      internal: 7,
      unavailable: 7,
    };
    for (const [code, exit] of Object.entries(expected)) {
      const status = Object.entries(HTTP_STATUS).find(([name]) => name === code)?.[1] ?? 0;
      expect([code, exitCodeOfError(decodeProblem(status, JSON.stringify({ code, detail: "x" })))]).toEqual([code, exit]);
    }
  });

  it("tell a missing precondition of this machine from a conflict on the server", () => {
    expect(exitCodeOfError(new AppError("failed_precondition", "port in use"))).toBe(9);
    expect(exitCodeOfError(new AppError("internal", "a bug"))).toBe(1);
  });

  it("follow the outcome of a job", () => {
    expect(exitCodeOfJob({ status: "succeeded", exit: { reason: "succeeded" } })).toBe(0);
    expect(exitCodeOfJob({ status: "cancelled", exit: { reason: "cancelled" } })).toBe(8);
    const failed = EXIT_REASONS.filter((reason) => exitCodeOfJob({ status: "failed", exit: { reason } }) === 9);
    expect(failed).toEqual(["sandbox_error", "runtime_missing"]);
    expect(exitCodeOfJob({ status: "failed", exit: { reason: "timeout" } })).toBe(1);
  });
});

describe("decodeProblem", () => {
  it("reads problem details with fields, hint and request id", () => {
    const error = decodeProblem(
      400,
      JSON.stringify({
        code: "invalid_argument",
        detail: "n: too big",
        errors: [{ pointer: "/args/n", message: "too big" }, 3],
        hint: "less",
        request_id: "r1",
      }),
    );
    expect({ message: error.message, fields: error.fields, hint: error.hint, id: error.requestId }).toEqual({
      message: "n: too big",
      fields: [{ pointer: "/args/n", message: "too big" }],
      hint: "less",
      id: "r1",
    });
  });

  it.each([
    [401, "unauthenticated"],
    [404, "not_found"],
    [413, "out_of_range"],
    [429, "resource_exhausted"],
    [502, "unavailable"],
    [504, "deadline_exceeded"],
  ])("makes the best of status %d without details", (status, code) => {
    const error = decodeProblem(status, "<html>nginx</html>");
    expect([error.code, error.message]).toEqual([code, `the server answered with status ${status}`]);
  });
});
