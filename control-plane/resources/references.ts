import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { parseExactJson } from "../http/exact-json.ts";
import type { OpenVariable, Variables } from "../variables/variables.ts";
import { mayHoldReferences, type Reference, referencesIn, substitute, TooDeep } from "./references-core.ts";
import { findResources } from "./resource-store.ts";

type Resolved =
  | {
      readonly kind: "resolved";
      /** JSON text. */
      readonly json: string;
      /** Values of the secrets that are in it now. */
      readonly secrets: readonly string[];
    }
  /** Something that it refers to is not there. The message names it. */
  | { readonly kind: "unresolved"; readonly message: string };

/** Puts the values in place of references. Nothing of it is kept: whoever asks again sees later changes. */
export interface References {
  /**
   * @param json JSON text; it comes back as it is when nothing in it refers to anything
   * @param mayRead whether what is at a path may be shown to whoever asks; undefined: all of it
   * @param names of its members that may refer to anything; undefined: all
   */
  resolve(workspace: WorkspaceId, json: string, mayRead?: (path: string) => boolean, names?: readonly string[]): Promise<Resolved>;
}

/** Resources that refer to resources; a circle ends here. */
const MAX_LEVELS = 8;
/** Different references of one value, those of its resources included. */
const MAX_REFERENCES = 200;
/** What they stand for, all together: with arguments and code it must fit into one message to the agent. */
const MAX_BYTES = 512 * 1024;

interface Loaded {
  readonly variables: Map<string, OpenVariable>;
  /** JSON text by path. */
  readonly resources: Map<string, string>;
}

/** A reference that leads nowhere; never leaves this file. */
class Unresolved extends Error {}

export function createReferences(pool: Pool, variables: Pick<Variables, "open">): References {
  async function load(workspace: WorkspaceId, wanted: readonly Reference[], loaded: Loaded, mayRead?: (path: string) => boolean): Promise<Reference[]> {
    const closed = wanted.find(({ path }) => mayRead?.(path) === false);
    if (closed !== undefined)
      throw new Unresolved(`${nameOf(closed)}: there is nothing at ${closed.path}, or whoever asks or has started the job has no access to it`);
    const paths = (kind: Reference["kind"]): string[] => wanted.filter((reference) => reference.kind === kind).map(({ path }) => path);
    const newVariables = paths("variable").filter((path) => !loaded.variables.has(path));
    const newResources = paths("resource").filter((path) => !loaded.resources.has(path));
    const [opened, found] = await Promise.all([
      variables.open(workspace, newVariables),
      newResources.length === 0 ? [] : findResources(pool, workspace, newResources),
    ]);
    for (const [path, variable] of opened) loaded.variables.set(path, variable);
    for (const { path, value } of found) loaded.resources.set(path, value);
    return found.flatMap(({ value }) => (mayHoldReferences(value) ? referencesIn(parse(value)) : []));
  }

  return {
    async resolve(workspace, json, mayRead, names) {
      if (!mayHoldReferences(json)) return { kind: "resolved", json, secrets: [] };
      try {
        const whole = parse(json);
        const value = names === undefined ? whole : membersOf(whole, names);
        const loaded: Loaded = { variables: new Map(), resources: new Map() };
        let wanted = referencesIn(value);
        for (let level = 0; wanted.length > 0; level++) {
          if (level === MAX_LEVELS) throw new Unresolved(`resources refer to each other more than ${MAX_LEVELS} levels deep`);
          if (wanted.length + loaded.variables.size + loaded.resources.size > MAX_REFERENCES)
            throw new Unresolved(`there are more than ${MAX_REFERENCES} different references`);
          const further = await load(workspace, wanted, loaded, mayRead);
          wanted = further.filter(({ kind, path }) => !(kind === "variable" ? loaded.variables : loaded.resources).has(path));
        }
        const secrets = [...loaded.variables.values()].flatMap((variable) => (variable.isSecret ? [variable.value] : []));
        const expanded = expand(value, loaded);
        return { kind: "resolved", json: JSON.stringify(names === undefined ? expanded : withMembers(whole, expanded)), secrets };
      } catch (error) {
        if (error instanceof Unresolved) return { kind: "unresolved", message: error.message };
        if (error instanceof TooDeep || error instanceof RangeError) return { kind: "unresolved", message: "values with references are nested too deeply" };
        // What cannot be opened does not become openable by trying again. Everything else may.
        const { code, message } = AppError.from(error);
        if (error instanceof AppError && (code === "internal" || code === "invalid_argument")) return { kind: "unresolved", message };
        throw error;
      }
    },
  };
}

/** Some members of an object. By entries: one may be called __proto__. */
function membersOf(value: unknown, names: readonly string[]): unknown {
  return typeof value !== "object" || value === null ? {} : Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}

/** An object with some of its members anew, in their places. */
function withMembers(value: unknown, members: unknown): unknown {
  if (typeof value !== "object" || value === null || typeof members !== "object" || members === null) return value;
  const fresh = new Map(Object.entries(members));
  return Object.fromEntries(Object.entries(value).map(([name, old]) => [name, fresh.has(name) ? fresh.get(name) : old]));
}

function nameOf({ kind, path }: Reference): string {
  return `${kind === "variable" ? "$var:" : "$res:"}${path}`;
}

function expand(value: unknown, { variables, resources }: Loaded): unknown {
  let left = MAX_BYTES;
  const spend = (text: string): void => {
    left -= Buffer.byteLength(text);
    if (left < 0) throw new Unresolved(`what the references stand for is larger than ${MAX_BYTES} bytes together`);
  };
  const replace =
    (level: number, path: readonly string[]) =>
    (reference: Reference): unknown => {
      const name = nameOf(reference);
      const from = path.length === 0 ? "" : `, which ${path.join(" by way of ")} refers to`;
      if (reference.kind === "variable") {
        const variable = variables.get(reference.path);
        if (variable === undefined) throw new Unresolved(`${name}: there is no variable ${reference.path} in this workspace${from}`);
        spend(variable.value);
        return variable.value;
      }
      const resource = resources.get(reference.path);
      if (resource === undefined) throw new Unresolved(`${name}: there is no resource ${reference.path} in this workspace${from}`);
      if (level === MAX_LEVELS) throw new Unresolved(`resources refer to each other more than ${MAX_LEVELS} levels deep: ${[...path, name].join(" → ")}`);
      spend(resource);
      return substitute(parse(resource), replace(level + 1, [...path, name]));
    };
  return substitute(value, replace(0, []));
}

function parse(json: string): unknown {
  return /\d{16}/.test(json) ? parseExactJson(json) : JSON.parse(json);
}
