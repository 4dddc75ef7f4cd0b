import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { flowFile, inOrder, readFlow } from "./flow-files.ts";

function folderWith(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "millrace-flow-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

describe("flowFile", () => {
  it.each([
    ["a.flow.yaml", { kind: "flow", name: "a" }],
    ["sub/b.flow.yml", { kind: "flow", name: "sub/b" }],
    ["c.flow.json", { kind: "flow", name: "c" }],
    ["f/mail/d.flow/flow.yaml", { kind: "flow", name: "f/mail/d" }],
    ["e__flow/flow.yaml", { kind: "flow", name: "e" }],
    ["d.flow/step.inline_script.py", { kind: "part", of: "d.flow" }],
    ["d.flow/sub/flow.yaml", { kind: "part", of: "d.flow" }],
    ["flow.yaml", undefined],
    ["a.yaml", undefined],
    ["a.flow.py", undefined],
  ])("%s", (file, expected) => {
    expect(flowFile(file)).toEqual(expected);
  });
});

describe("readFlow", () => {
  it("sends YAML as it is, comments and all, and JSON as a document", () => {
    const yaml = "# why\nsummary: s\nvalue: {modules: []}\n";
    const root = folderWith({ "a.flow.yaml": yaml, "b.flow.json": '{"summary": "s", "value": {"modules": [], "n": 12345678901234567890}}' });
    expect(readFlow(join(root, "a.flow.yaml"))).toEqual({ source: { yaml }, runs: [], inlined: [] });
    const { source } = readFlow(join(root, "b.flow.json"));
    expect(JSON.stringify(source)).toBe('{"document":{"summary":"s","value":{"modules":[],"n":12345678901234567890}}}');
  });

  it("puts code and locks of Windmill's layout in place, wherever the step stands", () => {
    const step = (content: string, lock = "''"): string => `{type: rawscript, language: python3, content: ${content}, lock: ${lock}, input_transforms: {}}`;
    const flow = [
      "summary: s",
      "value:",
      `  failure_module: {id: failure, value: ${step("!inline handler.py")}}`,
      "  modules:",
      `    - {id: a, value: ${step("'!inline sub/a.py'", "'!inline a.lock'")}}`,
      `    - {id: b, value: {type: whileloopflow, modules: [{id: c, value: ${step("'!inline  c.py'")}}]}}`,
      "    - {id: d, value: {type: flow, path: f/x/y}}",
      "    - {id: e, value: {type: identity, input_transforms: {content: {type: static, value: '!inline is text here'}}}}",
    ];
    const root = folderWith({
      "n.flow/flow.yaml": flow.join("\n"),
      "n.flow/handler.py": "H",
      "n.flow/sub/a.py": "A",
      "n.flow/a.lock": "L",
      "n.flow/c.py": "C",
    });
    expect(readFlow(join(root, "n.flow/flow.yaml"))).toMatchObject({
      source: {
        document: {
          value: {
            failure_module: { value: { content: "H", lock: "" } },
            modules: [
              { value: { content: "A", lock: "L" } },
              { value: { modules: [{ value: { content: "C" } }] } },
              {},
              { value: { input_transforms: { content: { value: "!inline is text here" } } } },
            ],
          },
        },
      },
      runs: ["f/x/y"],
    });
  });

  it.each([
    ["a file that is not there", "content: '!inline x.py'", "!inline x.py: there is no such file"],
    ["a file outside of the folder", "content: '!inline ../../etc/passwd'", "!inline ../../etc/passwd leads out of the flow's folder"],
    ["a file of the machine", "content: '!inline /etc/passwd'", "!inline /etc/passwd leads out of the flow's folder"],
    ["broken YAML", "content: [", "at line 3, column 1"],
    ["a key that is there twice", "type: a", "Map keys must be unique at line 2, column 1"],
  ])("says what is wrong with %s", (_name, line, message) => {
    const root = folderWith({ "n.flow/flow.yaml": `type: rawscript\n${line}\n` });
    expect(() => readFlow(join(root, "n.flow/flow.yaml"))).toThrow(message);
  });

  it("says what is wrong with what is no flow, and with too large a file", () => {
    const root = folderWith({ "a.flow.yaml": "- a\n", "b.flow.json": "{", "c.flow.yaml": "#".repeat(1024 * 1024 + 1) });
    expect(() => readFlow(join(root, "a.flow.yaml"))).toThrow("it is no flow");
    expect(() => readFlow(join(root, "b.flow.json"))).toThrow("is not JSON");
    expect(() => readFlow(join(root, "c.flow.yaml"))).toThrow("it has 1.0 MB; a flow may have 1.0 MB");
  });
});

describe("inOrder", () => {
  it("puts flows after those that they run, and lets circles be", () => {
    const flow = (path: string, ...runs: string[]) => ({ path, runs });
    const order = inOrder([flow("a", "c"), flow("b"), flow("c", "b", "f/elsewhere"), flow("d", "e"), flow("e", "d", "e")]);
    expect(order.map(({ path }) => path)).toEqual(["b", "c", "a", "e", "d"]);
  });
});
