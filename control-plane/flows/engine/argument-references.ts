import type { WaitingJob } from "../../scheduler/core/model.ts";
import type { Module, Transform } from "../model.ts";
import { inputsOf } from "./module-inputs.ts";

/**
 * Arguments of a step in which `$var:` and `$res:` stand for a variable or a resource: those that people wrote. That is a static value, and an
 * input of the run that is handed on as it came, since whoever starts a run may name what it works with. What a step returned, what an approver
 * sent or an expression put together is text: strangers must not be able to read a secret by returning its name.
 */
export function namesThatMayRefer({ flow, module, hasNewInputs }: ReferenceParts): readonly string[] {
  return Object.entries(inputsOf(module)).flatMap(([name, transform]) => {
    if (transform.kind === "static") return mayHoldReference(transform) ? [name] : [];
    const input = handedOn(transform.source);
    if (input === undefined || hasNewInputs) return [];
    // A sub-flow's inputs are arguments of a step themselves. Those of a run that nobody called came from whoever started it.
    const { policy } = flow;
    // Strangers wrote it.
    if (policy?.preprocess === true && input === "event") return [];
    const given = policy?.flow === undefined ? policy?.restart?.refs : policy.flow.refs;
    return given?.includes(input) === false ? [] : [name];
  });
}

interface ReferenceParts {
  /** The run. */
  readonly flow: WaitingJob;
  readonly module: Module;
  /** A preprocessor has made the inputs. */
  readonly hasNewInputs: boolean;
}

/** `flow_input.name`, whole or a member of it; not the item of a loop. */
const HANDED_ON = /^flow_input(?:\.([A-Za-z_$][\w$]*)|\[\s*(["'])([^"'\\]+)\2\s*\])(?:\??\.[A-Za-z_$][\w$]*|\[\s*(?:\d+|"[^"\\]*"|'[^'\\]*')\s*\])*$/;

function handedOn(source: string): string | undefined {
  // What stands around it is taken away before: two runs of spaces in one pattern would be tried in all their lengths.
  const [, plain, , quoted] = HANDED_ON.exec(source.trim().replace(/;$/, "").trimEnd()) ?? [];
  const name = plain ?? quoted;
  return name === "iter" ? undefined : name;
}

function mayHoldReference({ value }: Extract<Transform, { kind: "static" }>): boolean {
  const text = JSON.stringify(value);
  return text.includes('"$var:') || text.includes('"$res:');
}
