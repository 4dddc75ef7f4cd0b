import { expect, test } from "vitest";
import { processorMs } from "../../../kernel/processor-time.fixture.ts";
import { mainParameters } from "../main-parameters.ts";
import { preprocessorCode } from "./preprocessor-code.ts";

const added = (language: string, content: string): string => preprocessorCode(language, content).slice(content.length);

test("a function called preprocessor becomes the main of a script that has none", () => {
  expect(added("python3", "import json\n\ndef preprocessor(event):\n    return {}")).toBe("\nmain = preprocessor\n");
  expect(added("typescript", "export async function preprocessor(event: { body: unknown }) { return {}; }")).toBe("\nexport { preprocessor as main };\n");
  expect(added("javascript", "export const preprocessor = (event) => ({})")).toBe("\nexport { preprocessor as main };\n");
});

test.each([
  ["python3", "def main(event): ...\ndef preprocessor(event): ..."],
  ["python3", "async def main(event): ..."],
  ["python3", "    def preprocessor(event): ..."],
  ["typescript", "export async function main(event) {}\nexport function preprocessor(event) {}"],
  ["typescript", "function preprocessor(event) {}"],
  ["typescript", "export { preprocessor as main };\nexport function preprocessor(event) {}"],
  ["bash", "preprocessor() { echo; }"],
])("%s stays as it is: %s", (language, content) => {
  expect(added(language, content)).toBe("");
});

test("a megabyte of code that leads nowhere is looked through once", () => {
  const parts = ["\n", " ", "\t\n", "export\n", "export main ", "async\n", "def main(\n", "export const main = (\n", "main"];
  const tookMs = processorMs(() => {
    for (const part of parts)
      for (const language of ["python3", "typescript"]) {
        const content = `export${part.repeat(1_000_000 / part.length)}x`;
        preprocessorCode(language, content);
        mainParameters(language, content);
      }
  });
  expect(tookMs).toBeLessThan(5_000);
});
