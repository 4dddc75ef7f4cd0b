import { expect, test } from "vitest";
import { AppError, isLostConnection } from "./app-error.ts";
import { GRPC_STATUS, HTTP_STATUS } from "./error-maps.ts";

const withCode = (code: string, message = "boom"): Error => Object.assign(new Error(message), { code });

test("what is known keeps its meaning, what is not becomes internal with its cause hidden from the caller", () => {
  const known = new AppError("not_found", "no such thing");
  expect(AppError.from(known)).toBe(known);
  expect(AppError.from(withCode("ECONNREFUSED"))).toMatchObject({ code: "unavailable", retryable: true });
  expect(AppError.from(withCode("57P01"))).toMatchObject({ code: "unavailable" });
  const surprise = AppError.from(new Error("password is hunter2"));
  expect(surprise).toMatchObject({ code: "internal", message: "an unexpected error occurred" });
  expect(surprise.cause).toBeInstanceOf(Error);
  expect(AppError.from("text")).toMatchObject({ code: "internal" });
});

test("a refused statement is not a lost connection", () => {
  expect(isLostConnection(withCode("23505"))).toBe(false);
  expect(isLostConnection(new Error("Connection terminated unexpectedly"))).toBe(true);
  expect(isLostConnection("ECONNREFUSED")).toBe(false);
});

test("every code has an HTTP and a gRPC status", () => {
  expect(Object.keys(HTTP_STATUS).sort()).toEqual(Object.keys(GRPC_STATUS).sort());
  expect(new Set(Object.values(GRPC_STATUS)).size).toBe(Object.keys(GRPC_STATUS).length);
});
