/** Flows, worlds and orders at random, for properties that hold for all of them. */
import { fc } from "../../../../kernel/fast-check.fixture.ts";
import { asAgentKey } from "../../../../kernel/ids.ts";
import type { FlowDefinition, Module } from "../../model.ts";
import type { Outcome, Place } from "../model.ts";
import { outstanding } from "../outstanding.ts";
import { isLoop, isParallel } from "../place.ts";
import { branchall, branchone, expression, flow, forloop, identity, people, step, subflow, whileloop } from "./definitions.ts";
import type { ModelEngine, World } from "./model-engine.ts";

/** FNV-1a: the same question has the same answer in every run of an example. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

const rule = fc.record({ expr: fc.constant("x"), skipIfStopped: fc.boolean() });
const stopRule = fc.oneof(rule, fc.record({ expr: fc.constant("x"), skipIfStopped: fc.boolean(), errorMessage: fc.constant("stopped") }));
const constant = fc.record({ attempts: fc.integer({ min: 1, max: 2 }), seconds: fc.constantFrom(0, 5) });
const exponential = fc.record({ attempts: fc.constant(2), multiplier: fc.constant(1), seconds: fc.constant(2), randomFactorPercent: fc.constant(50) });
const retryRule = fc
  .tuple(fc.oneof(fc.record({ constant }), fc.record({ exponential }), fc.record({ constant, exponential })), rarely(fc.constant("x"), 3))
  .map(([attempts, retryIf]) => (retryIf === undefined ? attempts : { ...attempts, retryIf }));
const suspendRule = fc
  .record({ needed: fc.integer({ min: 1, max: 2 }), timeout: fc.boolean(), goOn: fc.boolean() })
  .map(({ needed, timeout, goOn }) => people(needed, { continueOnDisapproveTimeout: goOn, ...(timeout ? { timeoutS: 60 } : {}) }));

/** Fields that every kind of module may have; each is rare, so that flows get on. */
const extras = fc
  .record({
    skipIf: rarely(fc.constant("x"), 6),
    stopAfterIf: rarely(stopRule, 8),
    stopAfterAllItersIf: rarely(stopRule, 8),
    sleep: rarely(fc.constant(expression("x")), 8),
    suspend: rarely(suspendRule, 10),
    mock: rarely(fc.constant({ returnValue: 1 }), 12),
    retry: rarely(retryRule, 4),
    continueOnError: rarely(fc.constant(true), 4),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

function rarely<T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const { module } = fc.letrec<{ module: Module; modules: Module[] }>((tie) => ({
  modules: fc.array(tie("module"), { minLength: 1, maxLength: 4, depthIdentifier: "flow", size: "max" }),
  module: fc.oneof(
    { maxDepth: 3, depthIdentifier: "flow" },
    { weight: 5, arbitrary: extras.map((extra) => step("s", extra)) },
    { weight: 1, arbitrary: extras.map((extra) => subflow("c", extra)) },
    { weight: 1, arbitrary: extras.map((extra) => identity("i", extra)) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie("modules"), extras, fc.boolean(), fc.boolean(), fc.boolean())
        .map(([inner, extra, parallel, bounded, skipFailures]) =>
          forloop("f", inner, { parallel, skipFailures, ...(bounded ? { parallelism: expression("x") } : {}) }, extra),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("modules"), extras, stopRule, fc.boolean())
        .map(([inner, extra, stopAfterIf, skipFailures]) => whileloop("w", inner, { ...extra, stopAfterIf }, skipFailures)),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.array(tie("modules"), { minLength: 1, maxLength: 3 }), extras).map(([branches, extra]) => branchone("o", branches, extra)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(fc.record({ modules: tie("modules"), skipFailure: fc.boolean() }), { maxLength: 3 }), fc.boolean(), extras)
        .map(([branches, parallel, extra]) => branchall("b", branches, parallel, extra)),
    },
  ),
}));

export const flows = fc
  .record({
    modules: fc.array(module, { minLength: 2, maxLength: 6, size: "max" }),
    failure: rarely(extras, 2),
    preprocessor: rarely(extras, 4),
    skip: rarely(fc.constant("x"), 8),
    cache: rarely(fc.constant(60), 6),
    sameWorker: rarely(fc.constant(true), 5),
  })
  .map(({ modules: written, failure, preprocessor, skip, cache, sameWorker }) =>
    flow(numbered(written, { count: 0 }), {
      earlyReturn: "s2",
      sameWorker: sameWorker === true,
      ...(failure === undefined ? {} : { failureModule: step("fail", failure) }),
      ...(preprocessor === undefined ? {} : { preprocessor: step("pre", preprocessor) }),
      ...(skip === undefined ? {} : { skipExpr: skip }),
      ...(cache === undefined ? {} : { cacheTtlS: cache }),
    }),
  );

/** Gives all modules ids of their own. */
function numbered(list: readonly Module[], counter: { count: number }): Module[] {
  return list.map((module) => {
    counter.count += 1;
    const id = module.id + counter.count;
    const { value } = module;
    if (value.kind === "forloop" || value.kind === "whileloop") return { ...module, id, value: { ...value, modules: numbered(value.modules, counter) } };
    if (value.kind === "branchone") {
      const branches = value.branches.map((branch) => ({ ...branch, modules: numbered(branch.modules, counter) }));
      return { ...module, id, value: { ...value, branches, default: numbered(value.default, counter) } };
    }
    if (value.kind === "branchall")
      return { ...module, id, value: { ...value, branches: value.branches.map((branch) => ({ ...branch, modules: numbered(branch.modules, counter) })) } };
    return { ...module, id };
  });
}

/** A world whose answers follow from a number. */
export function worldOf(seed: number): World {
  const dice = (text: string): number => hash(`${seed} ${text}`) % 100;
  // Of some worlds nearly all goes well, so that flows come far.
  const badly = [1, 4, 20][seed % 3] ?? 1;
  const outcomeOf = (place: Place, attempt: number): Outcome => {
    const thrown = dice(`job ${place} ${attempt}`);
    return thrown < badly ? "failed" : thrown === 99 ? "cancelled" : "succeeded";
  };
  return {
    ...(dice("recall") < 25 && { recalled: { kind: "json", json: "1" } as const }),
    job: outcomeOf,
    where: (place, attempt) => {
      if (outcomeOf(place, attempt) !== "failed") return { agent: asAgentKey("7") };
      return dice(`folder ${place} ${attempt}`) < 40 ? { folderLost: true } : {};
    },
    ask: (place, question, branch) => {
      const thrown = dice(`ask ${place} ${question} ${branch}`);
      if (thrown >= 100 - badly / 4) return "cannot be evaluated";
      if (question === "iterator") return thrown % 7;
      if (question === "parallelism") return 1 + (thrown % 3);
      if (question === "sleep") return thrown % 3;
      return thrown < 25;
    },
    inputs: (place) => {
      const thrown = dice(`inputs ${place}`);
      return thrown >= 100 - badly / 4 ? { failed: "no such field" } : thrown >= 92 ? "cached" : undefined;
    },
    approvals: (place) =>
      ["ann", "ann", "bob"]
        .map((approver) => ({ approver, approved: dice(`approval ${place} ${approver}`) < 90, payload: '"fine"' }))
        .slice(0, 1 + (dice(`approvals ${place}`) % 3)),
  };
}

export function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = hash(`${state} ${count}`);
    return state % count;
  };
}

/** A run as `playToEnd`, in an order that follows from what there is to do: the same for two runs of which one is interrupted now and then. */
export function playRankedToEnd(run: ModelEngine, order: number, perStep: () => void): void {
  let rounds = 0;
  for (let i = 0; run.finished.length === 0; i++) {
    if (i > 20_000) throw new Error("it does not end");
    if (!run.playRanked((name) => hash(`${order} ${name}`))) approveAll(run, rounds++);
    perStep();
  }
}

/** After people have had their say, the rest of the approvals come, so that no flow waits for ever. */
export function playToEnd(run: ModelEngine, pick: (count: number) => number, perStep: () => void): void {
  for (let i = 0; run.finished.length === 0; i++) {
    if (i > 20_000) throw new Error("it does not end");
    if (!run.playOne(pick)) approveAll(run, i);
    perStep();
  }
}

export function approveAll(run: ModelEngine, i: number): void {
  const waiting = outstanding(run.definition, run.state).filter(({ kind }) => kind === "invite");
  if (waiting.length === 0) throw new Error(`stuck: ${JSON.stringify(run.state)}`);
  for (const command of waiting)
    if (command.kind === "invite") run.tell({ kind: "approval", place: command.place, approval: { approver: `someone ${i}`, approved: true, payload: "1" } });
}

/** All modules of a flow, those within others as well. */
function allModules(list: readonly Module[]): Module[] {
  return list.flatMap((module) => [module, ...allModules(within(module))]);
}

function within({ value }: Module): readonly Module[] {
  switch (value.kind) {
    case "forloop":
    case "whileloop":
      return value.modules;
    case "branchone":
      return [...value.branches.flatMap((branch) => branch.modules), ...value.default];
    case "branchall":
      return value.branches.flatMap((branch) => branch.modules);
    default:
      return [];
  }
}

/** Whether what has succeeded may run again: something around it is tried again as a whole. */
export function containersRetry({ modules }: FlowDefinition): boolean {
  return allModules(modules).some((module) => module.retry !== undefined && within(module).length > 0);
}

/** Whether the order of answers can make a difference. */
export function hasParallel({ modules, sameWorker }: FlowDefinition): boolean {
  return !sameWorker && allModules(modules).some(isParallel);
}

export function loopsAround({ modules }: FlowDefinition, place: Place): number {
  const loops = new Set(
    allModules(modules)
      .filter(isLoop)
      .map(({ id }) => id),
  );
  return place.split("/").filter((id, at, all) => at % 2 === 0 && at < all.length - 1 && loops.has(id)).length;
}

/** A flow, the answers of its world, the order in which things happen. */
export const example = { definition: flows, seed: fc.nat(), order: fc.nat() };
