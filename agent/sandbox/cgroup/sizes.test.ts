import { expect, test } from "vitest";
import { cpuQuotaUs, memoryForJobs } from "./sizes.ts";

const GB = 1024 ** 3;

test.each([
  ["a tenth stays for the rest of a large host", undefined, 20 * GB, 18 * GB],
  ["256 MB stay on a small one", undefined, GB, 0.75 * GB],
  ["half stays on a tiny one", undefined, 0.25 * GB, 0.125 * GB],
  ["the group's own limit counts where it is lower", 2 * GB, 20 * GB, 1.75 * GB],
  ["a limit beyond the host's memory is none", 2 ** 63, 20 * GB, 18 * GB],
  ["the operator may want less", undefined, 20 * GB, 3 * GB, 3 * GB],
  ["but not more", 2 * GB, 20 * GB, 1.75 * GB, 3 * GB],
])("%s", (_, limit, host, expected, wanted = 0) => {
  expect(memoryForJobs(limit, wanted, host)).toBe(Math.floor(expected / 4096) * 4096);
});

test("a share of processors is a part of each period, and never less than the kernel takes", () => {
  expect([cpuQuotaUs(1_500), cpuQuotaUs(200), cpuQuotaUs(1)]).toEqual([150_000, 20_000, 1_000]);
});
