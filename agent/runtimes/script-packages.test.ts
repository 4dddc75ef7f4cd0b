/** Packages of PHP and Ruby scripts: the real tools, with registries that the test makes in a folder. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { startAttempt } from "../runner/attempt.ts";
import { bundleOf, openTestExecution } from "../runner/attempt-harness.ts";
import { findProgram } from "./interpreter.ts";

const registry = mkdtempSync(join(tmpdir(), "millrace-registry-"));
chmodSync(registry, 0o755);

function put(path: string, content: string): void {
  const full = join(registry, path);
  mkdirSync(join(full, ".."), { recursive: true });
  writeFileSync(full, content);
}

interface Finished {
  readonly reason: string;
  readonly result: unknown;
  readonly log: string;
}

type Opened = Awaited<ReturnType<typeof openTestExecution>>;

async function attempt(
  { execution }: Opened,
  language: string,
  code: string,
  changed: { lock?: string; purpose?: Purpose; args?: string } = {},
): Promise<Finished> {
  let log = "";
  const { lock = "", purpose = Purpose.PURPOSE_UNSPECIFIED, args = "{}" } = changed;
  const running = startAttempt(
    execution,
    { ...bundleOf(language, code, { args }), lock, purpose },
    {
      onStarted: () => undefined,
      onOutput: (_, data) => {
        log += data.toString("utf8");
        return undefined;
      },
    },
  );
  const { exit, resultJson } = await running.done;
  return { reason: exit.reason, result: JSON.parse(resultJson), log };
}

async function lockOf(opened: Opened, language: string, code: string): Promise<string> {
  const { result } = await attempt(opened, language, code, { purpose: Purpose.PURPOSE_LOCK });
  if (typeof result === "object" && result !== null && "lock" in result && typeof result.lock === "string") return result.lock;
  throw new Error(`no lock: ${JSON.stringify(result)}`);
}

afterAll(() => rmSync(registry, { recursive: true, force: true }));

const hasComposer = findProgram(["/usr/bin/php"]) !== undefined && findProgram(["/usr/bin/composer"]) !== undefined;

describe.skipIf(!hasComposer)("PHP with Composer", { timeout: 60_000 }, async () => {
  const archive = join(registry, "composer/packages/greeter.tar");
  const evil = join(registry, "evil");

  function publish(greeting: string): void {
    const source = `<?php\nnamespace Acme;\nclass Greeter {\n  static function greet(string $name): string {\n    return "${greeting} $name";\n  }\n}\n`;
    put("composer/source/greeter/src/Greeter.php", source);
    put("composer/source/greeter/composer.json", "{}");
    mkdirSync(join(registry, "composer/packages"), { recursive: true });
    execFileSync("tar", ["-C", join(registry, "composer/source"), "-cf", archive, "greeter"]);
  }

  publish("hello");
  const shasum = createHash("sha1").update(readFileSync(archive)).digest("hex");
  const version = {
    name: "acme/greeter",
    version: "1.2.0",
    dist: { type: "tar", url: `file://${archive}`, shasum },
    autoload: { "psr-4": { "Acme\\": "src/" } },
    scripts: { "post-install-cmd": `touch ${evil}` },
  };
  put("composer/packages/packages.json", JSON.stringify({ packages: { "acme/greeter": { "1.2.0": version } } }));
  const repositories = [{ "packagist.org": false }, { type: "composer", url: `file://${registry}/composer/packages` }];
  put("composer/config.json", JSON.stringify({ repositories }));
  const options = { buildEnv: new Map([["COMPOSER_HOME", join(registry, "composer")]]), prepared: 0, languages: ["php"] };
  const script = "<?php\n// require:\n// acme/greeter@^1.0\nfunction main(string $name) {\n  return Acme\\Greeter::greet($name);\n}\n";
  const opened = await openTestExecution(options);
  afterAll(() => opened.dispose());

  it("locks the versions, installs them once, and needs no registry after that", async () => {
    const lock = await lockOf(opened, "php", script);
    expect(JSON.parse(lock).packages).toMatchObject([{ name: "acme/greeter", version: "1.2.0", dist: { shasum } }]);
    const first = await attempt(opened, "php", script, { lock, args: '{"name":"mill"}' });
    expect(first).toMatchObject({ reason: "succeeded", result: "hello mill" });
    expect(first.log).toContain("Installing acme/greeter (1.2.0)");
    put("composer/config.json", '{"repositories":[{"packagist.org":false}]}');
    expect(await attempt(opened, "php", script, { lock, args: '{"name":"again"}' })).toEqual({ reason: "succeeded", result: "hello again", log: "" });
    put("composer/config.json", JSON.stringify({ repositories }));
  });

  it("refuses a package whose content is no longer what was locked", async () => {
    const lock = await lockOf(opened, "php", script);
    const other = await openTestExecution(options);
    publish("goodbye");
    const changed = await attempt(other, "php", script, { lock, args: '{"name":"mill"}' });
    publish("hello");
    other.dispose();
    expect(changed).toMatchObject({ reason: "exit_code", result: { error: { name: "DependencyError", output: expect.stringContaining("checksum") } } });
  });

  it("S-67: shows a script no folder of the operator's, whatever its lock says", async () => {
    put("composer/auth.json", '{"http-basic":{"x.example":{"username":"u","password":"canary"}}}');
    const lock = JSON.parse(await lockOf(opened, "php", script));
    lock.packages[0].dist = { type: "path", url: join(registry, "composer"), reference: "1" };
    const thief = script.replace(/return .*;/, "return file_get_contents('/packages/php/vendor/acme/greeter/auth.json');");
    const stolen = await attempt(opened, "php", thief, { lock: JSON.stringify(lock), args: '{"name":"x"}' });
    expect(stolen).toMatchObject({ reason: "exit_code", result: { error: { name: "DependencyError", message: expect.stringContaining("no archive") } } });
  });

  it("gives inline code its packages too, and names a package that does not exist", async () => {
    expect(await attempt(opened, "php", script, { args: '{"name":"inline"}' })).toMatchObject({ reason: "succeeded", result: "hello inline" });
    const missing = await attempt(opened, "php", "<?php // require: acme/nobody:^1\nfunction main() {}\n");
    expect(missing.result).toMatchObject({ error: { name: "DependencyError", output: expect.stringContaining("acme/nobody") } });
  });

  it("says which line declares no package", async () => {
    const refused = await attempt(opened, "php", "<?php\n// require:\n// acme/greeter@^1; rm -rf /\nfunction main() {}\n");
    expect(refused.result).toMatchObject({ error: { name: "DependencyError", message: expect.stringContaining("line 3") } });
  });

  it("has no packages to lock where nothing is declared", async () => {
    expect(await lockOf(opened, "php", "<?php\nfunction main() {}\n")).toBe("");
  });
});

const hasBundler = findProgram(["/usr/bin/ruby"]) !== undefined && findProgram(["/usr/bin/bundle"]) !== undefined;

describe.skipIf(!hasBundler)("Ruby with Bundler", { timeout: 60_000 }, async () => {
  function build(name: string, source: string, extension = ""): void {
    const folder = join(registry, "source", name);
    put(`source/${name}/lib/${name}.rb`, source);
    put(`source/${name}/ext/extconf.rb`, 'raise "this ran"\n');
    const more = extension === "" ? "" : `; s.extensions = ["${extension}"]`;
    const files = `["lib/${name}.rb", "ext/extconf.rb"]`;
    const spec = `Gem::Specification.new { |s| s.name = "${name}"; s.version = "1.2.0"; s.summary = s.name; s.authors = ["x"]; s.files = ${files}${more} }\n`;
    put(`source/${name}/${name}.gemspec`, spec);
    mkdirSync(join(registry, "gems/gems"), { recursive: true });
    execFileSync("gem", ["build", `${name}.gemspec`, "-o", join(registry, `gems/gems/${name}-1.2.0.gem`)], { cwd: folder, stdio: "pipe" });
  }

  build("acme_greeter", 'module AcmeGreeter\n  def self.greet(name) = "hello #{name}"\nend\n');
  build("acme_native", "", "ext/extconf.rb");
  const index = (): Buffer => execFileSync("gem", ["generate_index", "-d", join(registry, "gems")], { stdio: "pipe" });
  index();
  const source = 'source "https://gems.example"';
  const buildEnv = new Map([
    ["BUNDLE_MIRROR__ALL", `file://${registry}/gems`],
    // The first is for the sandbox, which shows folders that a variable names.
    ["GEMS_FOLDER", join(registry, "gems")],
    ["GEM_SOURCES", "https://gems.example"],
  ]);
  const script = [
    'require "bundler/inline"',
    "",
    "gemfile do",
    `  ${source}`,
    '  gem "acme_greeter", "~> 1.0" # says hello',
    "end",
    "",
    "def main(name)",
    "  AcmeGreeter.greet(name)",
    "end",
  ].join("\n");
  const opened = await openTestExecution({ buildEnv, prepared: 0, languages: ["ruby"] });
  afterAll(() => opened.dispose());

  it("locks the versions, installs them once, and needs no registry after that", async () => {
    const lock = await lockOf(opened, "ruby", script);
    expect(lock).toContain("acme_greeter (1.2.0)");
    expect(lock).toMatch(/\n--- sha256\n[0-9a-f]{64} {2}acme_greeter-1\.2\.0\.gem\n$/);
    const first = await attempt(opened, "ruby", script, { lock, args: '{"name":"mill"}' });
    expect(first).toMatchObject({ reason: "succeeded", result: "hello mill" });
    expect(first.log).toContain("Installing acme_greeter 1.2.0");
    rmSync(join(registry, "gems/specs.4.8.gz"));
    expect(await attempt(opened, "ruby", script, { lock, args: '{"name":"again"}' })).toEqual({ reason: "succeeded", result: "hello again", log: "" });
    index();
  });

  it("refuses a gem whose content is no longer what was locked", async () => {
    const lock = await lockOf(opened, "ruby", script);
    const changed = await attempt(opened, "ruby", script, { lock: lock.replace(/sha256\n[0-9a-f]{4}/, "sha256\n0000") });
    expect(changed).toMatchObject({ reason: "exit_code", result: { error: { name: "DependencyError", output: expect.stringContaining("FAILED") } } });
  });

  it("runs no program of a gem while it installs, unless the script says so", async () => {
    const native = script.replace("acme_greeter", "acme_native");
    const refused = await attempt(opened, "ruby", native);
    expect(refused.result).toMatchObject({ error: { name: "DependencyError", output: expect.stringContaining("# native gems: acme_native") } });
    const allowed = await attempt(opened, "ruby", `# native gems: acme_native\n${native}`);
    expect(allowed.result).toMatchObject({ error: { name: "DependencyError", output: expect.stringContaining("this ran") } });
  });

  it("asks no registry that the operator does not know, whether script or lock name it", async () => {
    const lock = await lockOf(opened, "ruby", script);
    const refusal = { error: { name: "DependencyError", output: expect.stringContaining("https://other.example is not one that this agent may ask") } };
    expect((await attempt(opened, "ruby", script.replace("gems.example", "other.example"))).result).toMatchObject(refusal);
    const output = expect.stringContaining("https://other.example/ is not one");
    expect((await attempt(opened, "ruby", script, { lock: lock.replace("gems.example", "other.example") })).result).toMatchObject({ error: { output } });
  });

  it("evaluates nothing of the declarations where the registry's credentials are", async () => {
    const refused = await attempt(opened, "ruby", `gemfile do\n  ${source}\n  gem \`env\`\nend\n`);
    expect(refused.result).toMatchObject({ error: { name: "DependencyError", message: expect.stringContaining("line 3") } });
  });
});
