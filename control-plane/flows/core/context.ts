import type { FlowDefinition, Module } from "../model.ts";
import type { Approval, Command, FlowEvent, ListItem, Place, ValueRef } from "./model.ts";
import type { Level } from "./place.ts";
import type { BlockState, Failure, FlowState, StepDone, StepState, Stop } from "./state.ts";

/** What one call of `advance` carries along. */
export interface Context {
  readonly definition: FlowDefinition;
  readonly state: FlowState;
  readonly event: FlowEvent;
  readonly commands: Command[];
  readonly items: ListItem[];
  readonly blocks: Blocks;
  readonly seen: Seen | undefined;
  /** Somebody refused an approval: the flow is to be cancelled. */
  cancel?: { readonly by: string; readonly reason: string };
  /** A step took the job of a `started`. */
  taken: boolean;
  /** So many steps and iterations may still begin, see MOST_AT_ONCE. */
  left: number;
}

/** Hears of steps and iterations that are over, while a log is read for a restart. */
export type Seen = (place: Place, done: StepDone, approvals: readonly Approval[] | undefined) => void;

/** Steps contain blocks and blocks consist of steps: steps reach blocks by this, so that the files need each other in one direction only. */
export interface Blocks {
  /** Goes on with the block until it waits for something. @returns how it ended; undefined while it waits */
  run(ctx: Context, level: Level, block: BlockState): BlockEnd | undefined;
  /** Hands the event to the place that `path` names from `at` on. */
  deliver(ctx: Context, level: Level, block: BlockState, path: readonly string[], at: number): BlockEnd | undefined;
}

export type BlockEnd =
  /** @param value of the last step that was not skipped; undefined when there was none */
  | { readonly kind: "finished"; readonly value: ValueRef | undefined }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** A step's stop rule holds: for the loop around it, or the flow. */
  | { readonly kind: "stopped"; readonly stop: Stop };

/** A step that is being looked at. */
export interface Spot {
  readonly place: Place;
  readonly module: Module;
  readonly step: StepState;
  /** How many blocks may be open within it. */
  readonly share: number;
}

export type StepEnd =
  | { readonly kind: "done"; readonly done: StepDone }
  | { readonly kind: "failed"; readonly done: StepDone; readonly failure: Failure }
  | { readonly kind: "stopped"; readonly done: StepDone; readonly stop: Stop };

/** How the work of a loop or a branch ended. */
export type WorkEnd =
  | { readonly kind: "value"; readonly value: ValueRef }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "stopped"; readonly stop: Stop };
