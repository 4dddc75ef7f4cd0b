import { expect, test } from "vitest";
import { heapMbWithin, limitHints } from "./memory-hints.ts";

const MB = 1024 * 1024;

test("a heap takes three quarters of a job's memory, and what an interpreter needs at least", () => {
  expect([heapMbWithin(1024 * MB), heapMbWithin(MB)]).toEqual([768, 16]);
});

test("Go hears of both limits, others of none", () => {
  expect([...limitHints("go", { memoryBytes: 100 * MB, cpuMillis: 1_500 })]).toEqual([
    ["GOMEMLIMIT", "94371840B"],
    ["GOMAXPROCS", "2"],
  ]);
  expect([limitHints("go", {}).size, limitHints("bash", { memoryBytes: MB }).size]).toEqual([0, 0]);
});
