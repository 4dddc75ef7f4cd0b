import { expect, test } from "vitest";
import { mainParameters } from "./main-parameters.ts";

test.each<[string, string, readonly string[] | undefined]>([
  ["python3", "import json\n\ndef main(error: dict, retries=3):\n    return error", ["error", "retries"]],
  ["python3", "async def preprocessor(\n    event,\n): ...", ["event"]],
  ["python3", "def main(): ...", []],
  ["python3", "def preprocessor(\n    # what came\n    event,\n): ...", ["event"]],
  ["python3", "def main(\n    # nothing, as yet\n): ...", []],
  ["python3", "def main(a, /, b, *, error): ...", ["a", "b", "error"]],
  ["python3", "def main(url='http://a#b', error=None): ...", ["url", "error"]],
  ["python3", "def preprocessor(**kwargs): ...", undefined],
  ["python3", "def helper(error): ...", undefined],
  ["typescript", "export async function main(error: { name: string; message: string }) {}", ["error"]],
  ["typescript", "export const main = async (error?: Error) => error;", ["error"]],
  ["javascript", "export function preprocessor() {}", []],
  ["typescript", "export function main(/* of a step */ error: Error, // or nothing\n) {}", ["error"]],
  ["typescript", "export function preprocessor({ event }: { event: unknown }) {}", undefined],
  ["javascript", "export function preprocessor(...rest) {}", undefined],
  ["typescript", "function main(error) {}", undefined],
  ["bash", 'error="$1"', undefined],
])("%s: the parameters of %s are %j", (language, content, expected) => {
  expect(mainParameters(language, content)).toEqual(expected);
});
