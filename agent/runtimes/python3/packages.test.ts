import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { type FinishedScript, openTestExecution, runScript, type ScriptOptions } from "../../runner/attempt-harness.ts";
import { openExecution } from "../../runner/execution.ts";
import { openLocalRegistry, tarball, wheel, wheelName, zip } from "../../workshop/local-registry.ts";

const languages = ["python3"];
const registry = await openLocalRegistry();
registry.addWheel("mill-greeter", "1.0", "mill_greeter", "VERSION = '1.0'\n");
registry.addWheel("mill-greeter", "2.0", "mill_greeter", "import mill_words\nVERSION = '2.0 ' + mill_words.HELLO\n", ["mill-words>=1"]);
registry.addWheel("mill-words", "1.5", "mill_words", "HELLO = 'hello'\n");
registry.addWheel("mill-swapped", "1.0", "mill_swapped", "X = 1\n");

// uv itself may have to come from the real registry, for all that follows once.
const first = await openTestExecution({ prepared: 0, languages });
const hasUv =
  first.execution.runtimes.find("python3") !== undefined &&
  (await runScript(first.execution, "python3", "import six\ndef main(): pass", { purpose: Purpose.PURPOSE_LOCK, limits: { timeoutMs: 20_000 } })).exit
    .reason === "succeeded";
first.close();
const buildEnv = new Map([["PIP_INDEX_URL", `${registry.url}/simple`]]);
const opened = await openExecution({ dir: first.dir, sandbox: "required", prepared: 0, languages, buildEnv, network: "full" });
const plainDir = mkdtempSync(join(tmpdir(), "millrace-execution-"));
cpSync(join(first.dir, "cache", "_shared"), join(plainDir, "cache", "_shared"), { recursive: true, preserveTimestamps: true });
const plain = await openExecution({ dir: plainDir, sandbox: "off", languages, buildEnv });
afterAll(async () => {
  opened.close();
  plain.close();
  first.dispose();
  rmSync(plainDir, { recursive: true, force: true });
  await registry.close();
});

const run = (code: string, options: ScriptOptions = {}): Promise<FinishedScript> => runScript(opened.execution, "python3", code, options);
const lock = async (code: string): Promise<string> => {
  const outcome = await run(code, { purpose: Purpose.PURPOSE_LOCK });
  if (outcome.exit.reason !== "succeeded") return outcome.resultJson;
  return String(Object.values(JSON.parse(outcome.resultJson))[0]);
};
const error = (outcome: FinishedScript): unknown => JSON.parse(outcome.resultJson).error;

const GREETER = "import mill_greeter\ndef main():\n    return mill_greeter.VERSION\n";

describe.skipIf(!hasUv)("packages of Python scripts (with uv)", { timeout: 30_000 }, () => {
  it("follow from the imports, in the newest versions, with what they need themselves", async () => {
    const text = await lock(GREETER);
    expect(text.match(/^\S+==\S+/gm)).toEqual(["mill-greeter==2.0", "mill-words==1.5"]);
    expect(await run(GREETER, { lock: text })).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"2.0 hello"' });
  });

  it.each([
    ["a list of requirements", "# requirements:\n# mill-greeter==1.0\n# mill-words\n\n"],
    ["a list without spaces, Windows line ends", "#requirements:\r\n#mill-greeter==1.0\r\n\r\n"],
    ["the block of PEP 723", '# /// script\n# requires-python = ">=3.9"\n# dependencies = [\n#   "mill-greeter<2", # old\n# ]\n# ///\n'],
  ])("are those of %s, where there is one", async (_name, header) => {
    expect(await run(header + GREETER)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"1.0"' });
  });

  it("can be asked for beside the imports", async () => {
    const text = await lock(`# extra_requirements:\n# mill-words\n${GREETER.replace("mill_greeter", "mill_swapped")}`);
    expect(text.match(/^\S+==\S+/gm)).toEqual(["mill-swapped==1.0", "mill-words==1.5"]);
  });

  it("stay as they were locked", async () => {
    const text = await lock(`# requirements:\n# mill-greeter==1.0\n\n${GREETER}`);
    expect(await run(GREETER, { lock: text })).toMatchObject({ resultJson: '"1.0"' });
  });

  it("of inline code are looked up and installed once", async () => {
    const code = `${GREETER}# inline\n`;
    await run(code);
    const before = { asked: registry.requests.length, builds: opened.execution.workshop.stats().builds };
    expect(await run(code)).toMatchObject({ resultJson: '"2.0 hello"', agentText: "" });
    expect({ asked: registry.requests.length, builds: opened.execution.workshop.stats().builds }).toEqual(before);
  });

  it("work without a sandbox too", async () => {
    expect(await runScript(plain.execution, "python3", GREETER)).toMatchObject({ resultJson: '"2.0 hello"', agentText: expect.stringContaining("no sandbox") });
  });

  it("are not looked for when the standard library is enough", async () => {
    const before = opened.execution.workshop.stats().builds;
    expect(await run("import json, os.path as p\nfrom collections import (deque,\n  Counter)\ndef main():\n  return json.dumps(1)\n")).toMatchObject({
      resultJson: '"1"',
    });
    expect(await lock("import json\ndef main(): pass")).toBe("");
    expect(opened.execution.workshop.stats().builds).toBe(before);
    expect(await lock('"""import everything"""\nimport json\ndef main(): pass')).toBe("");
    expect(opened.execution.workshop.stats().builds).toBe(before + 1);
  });

  it("that do not exist end the job with what uv says", async () => {
    const outcome = await run("import mill_nowhere\ndef main(): pass");
    expect(outcome.exit).toMatchObject({ reason: "exit_code", message: "DependencyError: no versions could be found for mill_nowhere" });
    expect(error(outcome)).toMatchObject({ name: "DependencyError", output: expect.stringContaining("mill-nowhere") });
  });

  it("are not fixed for code that does not parse, and the line is told", async () => {
    expect(error(await run("import mill_greeter\ndef main(:\n", { purpose: Purpose.PURPOSE_LOCK }))).toMatchObject({ name: "SyntaxError", line: 2 });
    expect((await run("import mill_greeter\ndef main(:\n")).exit.reason).toBe("syntax_error");
  });

  it("S-64: with another content than was locked are not installed", async () => {
    const code = "import mill_swapped\ndef main():\n    return mill_swapped.X\n";
    const text = await lock(code);
    registry.replace(wheelName("mill-swapped", "1.0"), wheel("mill-swapped", "1.0", { "mill_swapped.py": "X = 'evil'\n" }));
    const outcome = await run(code, { lock: text });
    expect(error(outcome)).toMatchObject({ name: "DependencyError", output: expect.stringMatching(/hash/i) });
  });

  it.each([
    "# requirements:\n# --index-url http://127.0.0.1:9/simple\n",
    "# requirements:\n# mill-greeter @ http://127.0.0.1:9/x.whl\n",
    "# requirements:\n# -r /etc/passwd\n",
    "# requirements:\n# ./mill_greeter\n",
    '# /// script\n# dependencies = ["git+https://127.0.0.1/x"]\n# ///\n',
  ])("S-66: cannot be fetched from a place of the script's choice: %j", async (header) => {
    const before = registry.requests.length;
    expect(error(await run(header + GREETER))).toMatchObject({ name: "DependencyError", message: expect.stringContaining("is not a package with a version") });
    expect(registry.requests.length).toBe(before);
  });

  it.each(["--index-url http://127.0.0.1:9/simple", "mill-greeter==1.0", "mill-greeter @ http://127.0.0.1:9/x.whl --hash=sha256:00", "-e ."])(
    "S-66: a lock with %j is not followed",
    async (line) => {
      const text = `${await lock(GREETER)}${line}\n`;
      expect(error(await run(GREETER, { lock: text }))).toMatchObject({ name: "DependencyError", message: expect.stringContaining("not a pinned package") });
    },
  );

  it("S-67: a wheel cannot write beside the artifact", async () => {
    const info = "mill_escape-1.0.dist-info";
    const files = {
      [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: mill-escape\nVersion: 1.0\n",
      [`${info}/WHEEL`]: "Wheel-Version: 1.0\nTag: py3-none-any\n",
    };
    const evil = zip({ ...files, "../escaped.py": "x = 1\n", "/tmp/escaped.py": "x = 1\n", [`${info}/RECORD`]: "../escaped.py,,\n/tmp/escaped.py,,\n" });
    registry.addPythonFile("mill-escape", wheelName("mill-escape", "1.0"), evil);
    await run("import mill_escape\ndef main(): pass");
    for (const dir of [first.dir, join(first.dir, "cache"), join(first.dir, "staging"), "/tmp"]) expect(existsSync(join(dir, "escaped.py"))).toBe(false);
  });
});

/** A source package whose building runs code of its own: it looks around and writes down what it finds. */
const BACKEND = `
import base64, os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    seen = [open('/proc/1/environ').read(), repr(dict(os.environ))]
    for path in ('/job/new', '/usr/new', '/runtimes/uv/uv', '/runtimes/uv/new'):
        try:
            open(path, 'a').write('evil')
            seen.append('wrote ' + path)
        except OSError:
            pass
    name = 'mill_source-1.0-py3-none-any.whl'
    with zipfile.ZipFile(os.path.join(directory, name), 'w') as out:
        out.writestr('mill_source.py', 'SEEN = ' + repr(seen))
        out.writestr('mill_source-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: mill-source\\nVersion: 1.0\\n')
        out.writestr('mill_source-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        out.writestr('mill_source-1.0.dist-info/RECORD', '')
    return name
`;

describe.skipIf(!hasUv)("source packages", { timeout: 30_000 }, () => {
  registry.addPythonFile(
    "mill-source",
    "mill_source-1.0.tar.gz",
    tarball({
      "mill_source-1.0/PKG-INFO": "Metadata-Version: 2.1\nName: mill-source\nVersion: 1.0\n",
      "mill_source-1.0/pyproject.toml":
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "mill-source"\nversion = "1.0"\n',
      "mill_source-1.0/backend.py": BACKEND,
    }),
  );
  const code = "import mill_source\ndef main():\n    return mill_source.SEEN\n";

  it("are refused where scripts have no network, since building runs their code", async () => {
    const session = {
      ...opened.execution.workshop.session({ workspace: "acme", signal: new AbortController().signal, say: () => undefined }),
      mayRunCodeOnline: false,
    };
    const runtime = opened.execution.runtimes.find("python3");
    if (runtime?.kind !== "process" || runtime.lock === undefined) throw new Error("no runtime");
    const refusal = await runtime.lock({ code: code.replace("import", "# sdist: allow\nimport"), workshop: session });
    expect(refusal).toMatchObject({ kind: "refused", exit: { message: expect.stringContaining("MILLRACE_AGENT_NETWORK=full") } });
    expect(await runtime.launch({ code, argsJson: "{}", lock: "# millrace: sdist\n", paths: { job: "/job", tmp: "/tmp" }, workshop: session })).toMatchObject({
      kind: "refused",
    });
  });

  it("are refused unless the header allows them", async () => {
    expect(error(await run(code))).toMatchObject({ name: "DependencyError", output: expect.stringContaining("mill-source") });
  });

  it("S-62, S-63: are built where there is nothing to steal and nothing to spoil", async () => {
    process.env["MILLRACE_CANARY"] = "canary-62";
    try {
      const script = code.replace("import", "# sdist: allow\nimport");
      const text = await lock(script);
      expect(text).toContain("# millrace: sdist");
      const outcome = await run(script, { lock: text, args: "{}", env: [{ name: "SECRET_OF_THE_JOB", value: "canary-job" }] });
      const seen: unknown = JSON.parse(outcome.resultJson);
      expect(seen).toEqual([expect.any(String), expect.stringContaining("UV_DEFAULT_INDEX")]);
      expect(outcome.resultJson).not.toContain("canary");
    } finally {
      delete process.env["MILLRACE_CANARY"];
    }
  });
});
