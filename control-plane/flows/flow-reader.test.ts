import { afterAll, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { createFlowReader, type FlowReaderOptions } from "./flow-reader.ts";
import { type FlowReading, type FlowText, readFlow } from "./flow-reading.ts";

const expressions = new ExpressionTiers();
afterAll(() => expressions.stop());

const flow = (format: FlowText["format"], text: string): FlowText => ({ format, text, path: "f/x/y", root: "/document" });
const [ours, theirs] = [asWorkspaceId("1"), asWorkspaceId("2")];
const reader = (options: Partial<FlowReaderOptions> = {}): ((text: FlowText, workspace?: WorkspaceId) => Promise<FlowReading>) => {
  const read = createFlowReader({ expressions, ...options });
  return (text, workspace = ours) => read(workspace, text);
};

test("large JSON and YAML are read in a worker, with the same answer as here", async () => {
  const modules = [{ id: "a", value: { type: "flow", path: "f/x/z" }, skip_if: { expr: "1 +" } }];
  const large = flow("json", JSON.stringify({ summary: "s", description: "x".repeat(20_000), value: { modules } }));
  expect(await reader()(large)).toEqual(readFlow(large, expressions));
});

test("a text that takes too long is given up, and the next one is read", async () => {
  const impatient = reader({ limits: { cpuMs: 1, wallMs: 600_000 }, maxAtOnce: 1 });
  // Seconds of work.
  const long = "- a: 1\n".repeat(50_000);
  for (const text of [long, `${long}- b`])
    expect(await impatient(flow("yaml", text))).toMatchObject({ kind: "unreadable", problems: [{ message: "is too complex to be read" }] });
  expect(await impatient(flow("json", "{}"))).toMatchObject({ kind: "flow" });
});

test("a machine on which nothing can be read is not taken for a text that is too complex", async () => {
  const starved = reader({ limits: { cpuMs: 600_000, wallMs: 1 } });
  await expect(starved(flow("yaml", "- a: 1\n".repeat(50_000)))).rejects.toMatchObject({ code: "unavailable", retryable: true });
});

test("texts of a workspace beyond those that are read and those that wait are refused, and none of another one", async () => {
  const read = reader({ maxAtOnce: 1, maxWaiting: 1 });
  const [first, second, third] = ["a: 1", "a: 2", "a: 3"].map((text) => read(flow("yaml", text)));
  const other = read(flow("yaml", "b: 1"), theirs);
  await expect(third).rejects.toMatchObject({ code: "resource_exhausted" });
  expect(await Promise.all([first, second, other])).toMatchObject([{ json: '{"a":1}' }, { json: '{"a":2}' }, { json: '{"b":1}' }]);
});
