import { assertNever } from "../../kernel/assert-never.ts";
import { escapePointer } from "./field-reader.ts";
import type { FlowDefinition, Module, Transform, Transforms } from "./model.ts";

/** An expression of a step. */
export interface ModuleExpression {
  readonly source: string;
  /** From the step's own pointer. */
  readonly pointer: string;
  /** In the words of the document: `iterator`, `input_transforms.x`. */
  readonly name: string;
  /** Whether the step's own result is there when it is evaluated. */
  readonly when: "before" | "after";
}

/** All expressions of a step but those of the steps inside it. */
export function expressionsOf(module: Module): readonly ModuleExpression[] {
  return [
    ...plain("skip_if", module.skipIf, "before"),
    ...ofTransform("timeout", module.timeout, "before"),
    ...ofValue(module),
    ...plain("stop_after_if", module.stopAfterIf?.expr, "after"),
    ...plain("stop_after_all_iters_if", module.stopAfterAllItersIf?.expr, "after"),
    ...plain("retry.retry_if", module.retry?.retryIf, "after"),
    ...ofTransform("sleep", module.sleep, "after"),
  ];
}

/** Lists of steps inside a step. Those of branches run beside or instead of one another. */
export function insideOf({ value }: Module): readonly (readonly Module[])[] {
  switch (value.kind) {
    case "forloop":
    case "whileloop":
      return [value.modules];
    case "branchone":
      return [...value.branches.map((branch) => branch.modules), value.default];
    case "branchall":
      return value.branches.map((branch) => branch.modules);
    case "rawscript":
    case "script":
    case "flow":
    case "identity":
    case "aiagent":
      return [];
    default:
      return assertNever(value);
  }
}

/** Whether something is true of any step of a flow, wherever it stands. */
export function someModule({ modules, failureModule, preprocessor }: FlowDefinition, is: (module: Module) => boolean): boolean {
  const look = (module: Module): boolean => is(module) || insideOf(module).some((list) => list.some(look));
  return [...modules, failureModule, preprocessor].some((module) => module !== undefined && look(module));
}

function ofValue({ value }: Module): ModuleExpression[] {
  switch (value.kind) {
    case "rawscript":
    case "script":
    case "flow":
    case "identity":
      return ofInputs(value.inputs);
    case "forloop":
      return [...ofTransform("value.iterator", value.iterator, "before"), ...ofTransform("value.parallelism", value.parallelism, "before")];
    case "branchone":
      return value.branches.flatMap(({ expr }, index) => plain(`value.branches.${index}`, expr, "before"));
    case "whileloop":
    case "branchall":
    case "aiagent":
      return [];
    default:
      return assertNever(value);
  }
}

function ofInputs(inputs: Transforms): ModuleExpression[] {
  return Object.entries(inputs).flatMap(([argument, transform]) =>
    transform.kind === "expression"
      ? [
          {
            source: transform.source,
            pointer: `/value/input_transforms/${escapePointer(argument)}/expr`,
            name: `input_transforms.${argument}`,
            when: "before" as const,
          },
        ]
      : [],
  );
}

function ofTransform(name: string, transform: Transform | undefined, when: ModuleExpression["when"]): ModuleExpression[] {
  return transform?.kind === "expression" ? plain(name, transform.source, when) : [];
}

function plain(name: string, source: string | undefined, when: ModuleExpression["when"]): ModuleExpression[] {
  return source === undefined ? [] : [{ source, pointer: `/${name.replaceAll(".", "/")}/expr`, name: name.replace(/^value\./, ""), when }];
}
