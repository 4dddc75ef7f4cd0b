import { FreshCache } from "../../kernel/fresh-cache.ts";
import { type AccountId, asWorkspaceId, type JobId, parseJobId, type WorkspaceId } from "../../kernel/ids.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Access, JobOrigin, Reaching } from "../http/authorize.ts";
import { boundsIn, isAccount, starterIn } from "./acting-for.ts";
import { placeOf } from "./policy-core.ts";
import { fitsOne } from "./scope-bounds-core.ts";

export interface StarterParts {
  readonly member: Access["member"];
  /** Where a job comes from; undefined when there is none, or none any more. */
  readonly origin: (workspace: WorkspaceId, job: JobId) => Promise<JobOrigin | undefined>;
  /** The account that calls itself so; undefined when there is none. */
  readonly accountCalled: (workspace: WorkspaceId, label: string) => Promise<AccountId | undefined>;
  readonly nowMs: () => number;
}

const MAX_ORIGINS = 20_000;
const MAX_ACCOUNTS = 10_000;
const ACCOUNT_MS = 1000;
/** Jobs that were started by jobs that were started by jobs. */
const MAX_GENERATIONS = 50;

/** Of those who started jobs: what their jobs may use. */
export interface Starters {
  /** @returns undefined when the job is bound to no paths: started by a token of the workspace, or by a schedule or trigger that one wrote */
  of(workspace: WorkspaceId, origin: JobOrigin): Promise<Reaching | undefined>;
  ofJob(workspace: WorkspaceId, job: JobId): Promise<Reaching | undefined>;
}

/** A job may use what whoever started it may use at that moment, and what is in the place of its own code, or of its flow. */
export function createStarters({ member, origin, accountCalled, nowMs }: StarterParts): Starters {
  const origins = new LruMap<string, JobOrigin>(MAX_ORIGINS);
  const accounts = new FreshCache<AccountId | undefined>({
    maxAgeMs: ACCOUNT_MS,
    maxEntries: MAX_ACCOUNTS,
    nowMs,
    load(key) {
      const [workspace = "", ...label] = key.split("/");
      return accountCalled(asWorkspaceId(workspace), label.join("/"));
    },
  });

  async function originOf(workspace: WorkspaceId, job: JobId): Promise<JobOrigin | undefined> {
    const key = `${workspace}/${job}`;
    const known = origins.get(key) ?? (await origin(workspace, job));
    if (known !== undefined) origins.set(key, known);
    return known;
  }

  async function of(workspace: WorkspaceId, { createdBy, paths, flow }: JobOrigin, generation = 0): Promise<Reaching | undefined> {
    const { label, globs } = boundsIn(starterIn(createdBy));
    const reached = await reachOf(workspace, label, generation);
    if (reached === "whole" && globs === undefined) return undefined;
    const whole = reached === "whole" ? WHOLE : reached;
    const starter = globs === undefined ? whole : boundTo(whole, globs);
    const around = flow === undefined ? undefined : await originOf(workspace, flow);
    return withPlaces(starter, [...paths, ...(around?.paths ?? [])].map(placeOf));
  }

  async function reachOf(workspace: WorkspaceId, label: string, generation: number): Promise<Reaching | "whole"> {
    const parent = parentOf(label);
    if (parent !== undefined) return parentReach(workspace, parent, generation);
    return isAccount(label) ? accountReach(workspace, label) : "whole";
  }

  async function accountReach(workspace: WorkspaceId, label: string): Promise<Reaching> {
    const account = await accounts.get(`${workspace}/${label}`);
    return (account === undefined ? undefined : await member(workspace, account)) ?? NOTHING;
  }

  async function parentReach(workspace: WorkspaceId, parent: JobId, generation: number): Promise<Reaching | "whole"> {
    const known = generation < MAX_GENERATIONS ? await originOf(workspace, parent) : undefined;
    // Its own place is the parent's alone.
    return known === undefined ? NOTHING : ((await of(workspace, { ...known, paths: [], flow: undefined }, generation + 1)) ?? "whole");
  }

  return {
    of: (workspace, from) => of(workspace, from),
    async ofJob(workspace, job) {
      const known = await originOf(workspace, job);
      return known === undefined ? NOTHING : of(workspace, known);
    },
  };
}

const NOTHING: Reaching = { mayAt: () => false, places: () => [] };
const WHOLE: Reaching = { mayAt: () => true, places: () => undefined };

/** For lists, which go by places, a glob counts when it has the whole of one. */
function boundTo(reaching: Reaching, globs: readonly string[]): Reaching {
  return {
    mayAt: (path, level) => fitsOne(globs, path) && reaching.mayAt(path, level),
    places(level) {
      const places = reaching.places(level);
      if (globs.includes("**")) return places;
      const bound = globs.flatMap((glob) => WHOLE_PLACE.exec(glob)?.[1] ?? []);
      return places === undefined ? bound : places.filter((place) => bound.includes(place));
    },
  };
}

const WHOLE_PLACE = /^([uf]\/[^/*]+)\/[*][*]$/;

function parentOf(label: string): JobId | undefined {
  return label.startsWith("job ") ? parseJobId(label.slice(4)) : undefined;
}

function withPlaces(starter: Reaching, own: readonly string[]): Reaching {
  return {
    mayAt: (path, level) => own.includes(placeOf(path)) || starter.mayAt(path, level),
    places(level) {
      const places = starter.places(level);
      return places === undefined ? undefined : [...new Set([...places, ...own])];
    },
  };
}
