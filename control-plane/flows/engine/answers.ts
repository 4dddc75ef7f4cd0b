import { assertNever } from "../../../kernel/assert-never.ts";
import type { Json } from "../../../kernel/json.ts";
import type { FlowItem } from "../../jobs/model.ts";
import type { Command, Happening } from "../core/model.ts";
import type { Evaluated } from "./evaluation.ts";
import { parseJson } from "./flow-codec.ts";

type Ask = Extract<Command, { kind: "ask" }>;

/** What an evaluation means to the run: an event, and for a loop the pieces of the list that it goes through. */
export interface Answer {
  readonly happening: Happening;
  readonly pieces: readonly Piece[];
}

interface Piece extends FlowItem {
  /** Items in it. */
  readonly count: number;
}

const MOST_ITEMS = 100_000;
const MOST_LIST_BYTES = 16 * 1024 * 1024;
/** A piece of a list is read whole for one of its items. */
const PIECE_ITEMS = 200;
const PIECE_BYTES = 64 * 1024;
/** A year and a day. */
const MOST_SLEEP_S = 366 * 24 * 3600;

/** @param nowMs wall clock @param jitter in [0, 1) */
export function answerOf(ask: Ask, evaluated: Evaluated, nowMs: number, jitter: number): Answer {
  if (evaluated.kind === "error") return failed(ask, evaluated.message);
  const { place } = ask;
  // Truth as in JavaScript: JSON has no NaN.
  const value = ask.question === "iterator" ? null : parseJson(evaluated.json);
  const truth = Boolean(value);
  switch (ask.question) {
    case "flow_skip":
      return event({ kind: "flow_skip_decided", skip: truth });
    case "skip":
      return event({ kind: "skip_decided", place, skip: truth });
    case "branch":
      return event({ kind: "branch_decided", place, branch: ask.branch ?? 0, taken: truth });
    case "stop":
    case "stop_all":
      return event({ kind: "stop_decided", place, question: ask.question, stop: truth });
    case "retry_if":
      return event({ kind: "retry_decided", place, retry: truth, jitter });
    case "iterator":
      return openIterator(ask, evaluated.json);
    case "parallelism":
      return whole(value, 1)
        ? event({ kind: "parallelism_decided", place, most: value })
        : failed(ask, `must be a whole number from 1 on, and is ${shown(value)}`);
    case "sleep":
      if (typeof value !== "number" || value < 0 || value > MOST_SLEEP_S)
        return failed(ask, `must be a number of seconds from 0 to ${MOST_SLEEP_S}, and is ${shown(value)}`);
      return event({ kind: "slept", place, untilMs: nowMs + Math.round(value * 1000) });
    default:
      return assertNever(ask.question);
  }
}

function openIterator(ask: Ask, json: string): Answer {
  const { place } = ask;
  if (json.length > MOST_LIST_BYTES) return failed(ask, `the list is larger than ${MOST_LIST_BYTES} bytes`);
  const list = parseJson(json);
  if (!Array.isArray(list)) return failed(ask, `must be a list, and is ${shown(list)}`);
  if (list.length > MOST_ITEMS) return failed(ask, `the list has ${list.length} items, ${MOST_ITEMS} are allowed`);
  return { happening: { kind: "iterator_opened", place, count: list.length }, pieces: piecesOf(place, list) };
}

function piecesOf(place: string, list: readonly Json[]): Piece[] {
  const pieces: Piece[] = [];
  let texts: string[] = [];
  let bytes = 0;
  const end = (next: number): void => {
    if (texts.length > 0) pieces.push({ place, part: "list", index: next - texts.length, json: `[${texts.join(",")}]`, count: texts.length });
    texts = [];
    bytes = 0;
  };
  for (const [index, item] of list.entries()) {
    const text = JSON.stringify(item);
    if (texts.length >= PIECE_ITEMS || bytes + text.length > PIECE_BYTES) end(index);
    texts.push(text);
    bytes += text.length;
  }
  end(list.length);
  return pieces;
}

const event = (happening: Happening): Answer => ({ happening, pieces: [] });
const failed = ({ place, question }: Ask, message: string): Answer => event({ kind: "evaluation_failed", place, question, message });

function whole(value: Json, least: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least;
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
