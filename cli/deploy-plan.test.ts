import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type PlannedFile, planDeploy } from "./deploy-plan.ts";

function folderWith(files: Record<string, string>, name = "tools"): string {
  const root = join(mkdtempSync(join(tmpdir(), "millrace-deploy-")), name);
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** One short line a file. */
function brief(plan: readonly PlannedFile[]): string[] {
  return plan.map(
    (file) =>
      `${file.file}: ${file.kind === "deploy" ? `${file.request.path} ${file.request.language}` : file.kind === "flow" ? `${file.path} flow` : file.kind === "thing" ? `${file.item.path} ${file.item.kind}` : file.kind === "skip" ? `(${file.why})` : `! ${file.problem}`}`,
  );
}

describe("planDeploy", () => {
  it("names scripts after the folder and their place in it, and lists what is none", () => {
    const root = folderWith({ "a.py": "", "sub/dir/b.ts": "", "c.sh": "", "d.mjs": "", "data.csv": "", ".hidden.py": "", "node_modules/x.js": "", README: "" });
    symlinkSync(root, join(root, "circle"));
    symlinkSync(join(root, "a.py"), join(root, "linked.py"));
    expect(brief(planDeploy(root, undefined))).toEqual([
      "README: (no script)",
      "a.py: f/tools/a python3",
      "c.sh: f/tools/c bash",
      "d.mjs: f/tools/d javascript",
      "data.csv: (no script)",
      "linked.py: f/tools/linked python3",
      "sub/dir/b.ts: f/tools/sub/dir/b typescript",
    ]);
  });

  it("explains each file that cannot be deployed and goes on with the others", () => {
    const root = folderWith({ "a.py": "", "a.ts": "", "big.sh": "#".repeat(1024 * 1024 + 1), "two words.py": "", "z.js": "" });
    writeFileSync(join(root, "latin1.py"), Buffer.from([0xfc]));
    expect(brief(planDeploy(root, undefined))).toEqual([
      "a.py: f/tools/a python3",
      "a.ts: ! a.py has the same path f/tools/a: rename one",
      "big.sh: ! it has 1.0 MB; a script may have 1.0 MB",
      'latin1.py: ! "latin1.py" is not UTF-8 text',
      'two words.py: ! "two words" cannot be part of a path: use letters, digits, _ . and -',
      "z.js: f/tools/z javascript",
    ]);
  });

  it("plans flows after the scripts, each after those that it runs; code of a flow is no script", () => {
    const runs = (path: string): string => `summary: s\nvalue: {modules: [{id: a, value: {type: flow, path: ${path}}}]}\n`;
    const root = folderWith({
      "a.flow.yaml": runs("f/tools/sub/b"),
      "a.py": "",
      "sub/b.flow/flow.yaml": "summary: s\nvalue: {modules: [{id: a, value: {type: rawscript, language: bash, content: '!inline code.sh'}}]}\n",
      "sub/b.flow/code.sh": "echo 1",
      "sub/b__flow/flow.yaml": "summary: s\n",
      "bad.flow.yaml": "a: [",
      "set.flow.yaml": "summary: s\n",
      "z.py": "",
      "millrace.json": '{"files": {"set.flow.yaml": {"tag": "x"}}}',
    });
    const plan = planDeploy(root, undefined);
    expect(brief(plan)).toEqual([
      "a.py: f/tools/a python3",
      expect.stringMatching(/^bad\.flow\.yaml: ! .*at line 1/),
      "millrace.json: (settings)",
      "set.flow.yaml: ! millrace.json has settings for it: a flow has its own, in its document",
      "sub/b.flow/code.sh: (part of sub/b.flow)",
      "sub/b__flow/flow.yaml: ! sub/b.flow/flow.yaml has the same path f/tools/sub/b: rename one",
      "z.py: f/tools/z python3",
      "sub/b.flow/flow.yaml: f/tools/sub/b flow",
      "a.flow.yaml: f/tools/a flow",
    ]);
    expect(plan.at(-2)).toMatchObject({ request: { path: "f/tools/sub/b", document: { value: { modules: [{ value: { content: "echo 1" } }] } } } });
    expect(plan.at(-1)).toMatchObject({ request: { path: "f/tools/a", yaml: runs("f/tools/sub/b") } });
  });

  it("passes limits of millrace.json on as they are, and names the one that is wrong", () => {
    const withLimits = (limits: string) => planDeploy(folderWith({ "a.py": "x", "millrace.json": `{"files": {"a.py": ${limits}}}` }), undefined);
    const limits = { concurrency: [{ key: "db $args[name]", limit: 2, strategy: "fail" }], debounce: { delay_s: 1 } };
    expect(withLimits(JSON.stringify(limits)).find((file) => file.kind === "deploy")).toMatchObject({ request: limits });
    expect(() => withLimits('{"rate": [{"starts": 0, "per_s": 1}]}')).toThrow("files → a.py → rate → 0 → starts");
  });

  it("takes the prefix of the command line, of millrace.json, of the folder's name", () => {
    const files = { "a.py": "" };
    expect(brief(planDeploy(folderWith({ ...files, "millrace.json": '{"prefix": "f/file"}' }), "u/ada/x"))).toContain("a.py: u/ada/x/a python3");
    expect(brief(planDeploy(folderWith({ ...files, "millrace.json": '{"prefix": "f/file"}' }), undefined))).toContain("a.py: f/file/a python3");
    expect(() => planDeploy(folderWith(files, "my tools"), undefined)).toThrow('"f/my tools" cannot begin the path of a script');
  });

  it("passes settings of a file on and leaves ignored ones out", () => {
    const root = folderWith({
      "a.py": "x",
      "gen/b.py": "",
      "general.py": "",
      "millrace.json": '{"ignore": ["gen/"], "files": {"a.py": {"tag": "gpu", "timeout": "1m", "summary": "S"}, "gone.py": {"tag": "x"}}}',
    });
    const plan = planDeploy(root, undefined);
    expect(plan[0]).toEqual({
      kind: "deploy",
      file: "a.py",
      request: { path: "f/tools/a", language: "python3", content: "x", tag: "gpu", timeout_ms: 60_000, summary: "S" },
    });
    expect(brief(plan).slice(1)).toEqual([
      "gen/b.py: (millrace.json ignores it)",
      "general.py: f/tools/general python3",
      "millrace.json: (settings)",
      "gone.py: ! millrace.json has settings for it, but it is not there",
    ]);
  });

  it.each([
    ["no JSON", "{", "is not JSON"],
    ["an unknown key", '{"file": {}}', "is not right"],
    ["a bad duration", '{"files": {"a.py": {"timeout": "soon"}}}', "is not a duration"],
  ])("refuses a millrace.json with %s", (_name, content, message) => {
    expect(() => planDeploy(folderWith({ "millrace.json": content }), undefined)).toThrow(message);
  });

  it("refuses what is no folder", () => {
    const root = folderWith({ "a.py": "" });
    expect(() => planDeploy(join(root, "a.py"), undefined)).toThrow("is no folder");
    expect(() => planDeploy(join(root, "none"), undefined)).toThrow("there is no folder");
  });
});
