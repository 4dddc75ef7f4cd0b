import { expect, test } from "vitest";
import { mainParameters } from "./main-parameters.ts";

test.each<[string, string, readonly string[] | undefined]>([
  ["python3", "import json\n\ndef main(error: dict, retries=3):\n    return error", ["error", "retries"]],
  ["python3", "async def preprocessor(\n    event,\n): ...", ["event"]],
  ["python3", "def main(): ...", []],
  ["python3", "def helper(error): ...", undefined],
  ["typescript", "export async function main(error: { name: string; message: string }) {}", ["error"]],
  ["typescript", "export const main = async (error?: Error) => error;", ["error"]],
  ["javascript", "export function preprocessor() {}", []],
  ["typescript", "function main(error) {}", undefined],
  ["bash", 'error="$1"', undefined],
])("%s: the parameters of %s are %j", (language, content, expected) => {
  expect(mainParameters(language, content)).toEqual(expected);
});
