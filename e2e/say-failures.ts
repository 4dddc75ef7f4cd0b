// Vitest runs this before each file of whole systems: a test that fails says what its processes said.
import { afterEach } from "vitest";
import { lastWords } from "./harness.ts";

afterEach(({ task }) => {
  if (task.result?.state === "fail") process.stderr.write(`${task.name}: the last words of its processes\n${lastWords(task.id)}\n`);
});
