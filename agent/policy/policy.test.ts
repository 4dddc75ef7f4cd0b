import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { type Bundle, Network, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { bundleOf } from "../session/testing/scripted-plane.ts";
import { type AgentPolicy, boundedBy, brokenRule, unlockedRefusal } from "./policy.ts";
import { PolicyFile } from "./policy-file.ts";

const DEFAULTS = { network: "none", timeoutMs: 1_800_000 } as const;
const limits = { timeoutMs: 60_000, cancelGraceMs: 0, resultMaxBytes: 0, logMaxBytes: 0, softTimeoutMs: 0 };
const needs = (fields: Partial<NonNullable<Bundle["requirements"]>>): Partial<Bundle> => ({
  requirements: { network: Network.NETWORK_UNSPECIFIED, allow: [], minSandboxLevel: 0, memoryBytes: 0, cpuMillis: 0, dedicated: false, ...fields },
});
const allowing = (...allow: string[]): Partial<Bundle> => needs({ network: Network.NETWORK_ALLOW_LIST, allow });
const GB = 1024 ** 3;

/** policy, what it lets through, what it does not. */
const CASES: readonly (readonly [AgentPolicy, readonly Partial<Bundle>[], readonly Partial<Bundle>[]])[] = [
  [{}, [{}, needs({ network: Network.NETWORK_FULL, memoryBytes: 99 * GB })], []],
  [{ workspaces: ["w"] }, [{}], [{ workspace: "W" }, { workspace: "" }]],
  [{ tags: ["default"] }, [{}], [{ tag: "gpu" }]],
  [{ languages: ["bash"] }, [{}], [{ language: "python3" }]],
  [{ forbid_inline: true }, [{ scriptPath: "f/a" }], [{}]],
  [
    { scripts: ["f/finance/*", "u/**"] },
    [{ scriptPath: "f/finance/pay" }, { scriptPath: "u/a/b/c" }],
    [{}, { scriptPath: "f/finance/deep/pay" }, { scriptPath: "f/financeXpay" }, { scriptPath: "xf/finance/pay" }, { scriptPath: "f/finance/pay\nu/x" }],
  ],
  [
    { env: ["PG*", "HOME"] },
    [{}, { env: [{ name: "PGHOST", value: "" }] }],
    [{ env: [{ name: "LD_PRELOAD", value: "" }] }, { env: [{ name: "HOMER", value: "" }] }],
  ],
  [{ env: [] }, [{}], [{ env: [{ name: "A", value: "" }] }]],
  [{ network: ["none"] }, [{}, needs({ network: Network.NETWORK_NONE })], [needs({ network: Network.NETWORK_FULL }), allowing("a")]],
  [
    { targets: ["db.example:5432", "*.api.example", "10.1.0.0/16", "[fd00::1]:80", "fd01::/32"] },
    [{}, allowing("db.example:5432", "a.api.example:443", "10.1.2.3", "10.1.128.0/17:5432", "[fd00::1]:80", "fd01::7"), allowing()],
    [
      needs({ network: Network.NETWORK_FULL }),
      ...[
        "db.example",
        "db.example:22",
        "api.example",
        "evil-api.example",
        "10.2.0.1",
        "10.0.0.0/8",
        "x.example",
        "[fd00::1]:81",
        "fd02::1",
        "10.1.2.3.api.example.evil",
      ].map((target) => allowing(target)),
    ],
  ],
  [{ max_memory_bytes: GB }, [{}, needs({ memoryBytes: GB })], [needs({ memoryBytes: GB + 1 })]],
  [{ max_timeout_ms: 60_000 }, [{ limits }], [{}, { limits: { ...limits, timeoutMs: 60_001 } }]],
];

test.each(CASES)("%j", (policy, good, bad) => {
  for (const bundle of good) expect([bundle, brokenRule(policy, bundleOf(bundle), DEFAULTS)]).toEqual([bundle, undefined]);
  const [rule = ""] = Object.keys(policy);
  for (const bundle of bad) expect([bundle, brokenRule(policy, bundleOf(bundle), DEFAULTS)]).toEqual([bundle, expect.stringContaining(`(${rule})`)]);
});

test("a job without a lock may have no dependencies where locks are demanded, unless it is there to find them", () => {
  const refusal = (policy: AgentPolicy, fields: Partial<Bundle>): string | undefined => unlockedRefusal(policy, bundleOf({ language: "python3", ...fields }));
  expect(refusal({ require_lock: true }, {})).toBe("the policy of this agent's owner forbids it (require_lock): its dependencies are not fixed by a lock");
  for (const fields of [{ lock: "a==1" }, { purpose: Purpose.PURPOSE_LOCK }]) expect(refusal({ require_lock: true }, fields)).toBeUndefined();
  expect([refusal({}, {}), refusal({ require_lock: false }, {})]).toEqual([undefined, undefined]);
});

test("a job that asks for no memory gets no more than the policy allows", () => {
  const policy = { max_memory_bytes: GB };
  const memoryOf = (fields: Partial<Bundle>, usualBytes: number): number | undefined =>
    boundedBy(policy, bundleOf(fields), usualBytes).requirements?.memoryBytes;
  expect(memoryOf({}, 2 * GB)).toBe(GB);
  expect(memoryOf(needs({ minSandboxLevel: 2 }), 2 * GB)).toBe(GB);
  expect(boundedBy(policy, bundleOf(needs({ minSandboxLevel: 2 })), 2 * GB).requirements?.minSandboxLevel).toBe(2);
  // What it gets anyway is no more, or cannot be limited, or it asks itself.
  expect([memoryOf({}, GB), memoryOf({}, 0), memoryOf(needs({ memoryBytes: 5 }), 2 * GB)]).toEqual([undefined, undefined, 5]);
  const free = bundleOf();
  expect(boundedBy({}, free, 2 * GB)).toBe(free);
});

test("a job that says nothing of the network has the agent's own", () => {
  expect(brokenRule({ network: ["none"] }, bundleOf(), { ...DEFAULTS, network: "full" })).toContain("network mode full");
});

test("a file is followed; a fault in it leaves the rules of before, and ends a start", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-policy-"));
  const path = join(folder, "policy.json");
  const log = pino({ level: "silent" });
  let changes = 0;
  const open = (): PolicyFile =>
    new PolicyFile(
      path,
      log,
      ({ tags }) => {
        if (tags?.length === 0) throw new Error("no tags");
      },
      () => (changes += 1),
    );
  expect(open).toThrow(/cannot be read/);
  for (const [text, fault] of [
    ["{", /not JSON/],
    ['{"tag": []}', /tag/],
    ['{"env": "all"}', /env/],
    ['{"languages": ["cobol"]}', /no language cobol/],
    ["[]", /faulty/],
    ['{"tags": []}', /no tags/],
  ] as const) {
    writeFileSync(path, text);
    expect(open).toThrow(fault);
  }
  writeFileSync(path, '{"tags": ["a"]}');
  const file = open();
  for (const text of ["{", '{"tags": []}']) {
    writeFileSync(path, text);
    file.reload();
  }
  expect([file.policy, changes]).toEqual([{ tags: ["a"] }, 0]);
  writeFileSync(path, '{"tags": ["b"]}');
  file.reload();
  file.reload();
  expect([file.policy, changes]).toEqual([{ tags: ["b"] }, 1]);
  rmSync(folder, { recursive: true });
});
