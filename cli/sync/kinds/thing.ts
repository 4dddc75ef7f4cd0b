import { z } from "zod";
import { readAnswer } from "./answers.ts";
import { type AskApi, conditionOf, type Expected, type Sent } from "./kind.ts";

/** Variables, resources and resource types have a revision as ETag. */
export const stored = z.looseObject({ revision: z.int() });

export const etagOfRevision = (revision: number): string => `"${revision}"`;

/** @param route with its query, below the workspace */
export async function putThing(ask: AskApi, route: string, body: string, expected: Expected): Promise<Sent> {
  const answer = readAnswer(await ask("PUT", route, body, conditionOf(expected)), stored, `PUT ${route}`);
  return { created: answer.revision === 1, answer, etag: etagOfRevision(answer.revision) };
}

export async function removeThing(ask: AskApi, route: string, expected: Expected): Promise<void> {
  await ask("DELETE", route, undefined, conditionOf(expected === "absent" ? undefined : expected));
}
