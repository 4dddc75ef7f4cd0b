import { describe, expect, it } from "vitest";
import { packageOf } from "./package-names.ts";
import { faultOfLock, faultOfRequirements, needsNoPackages } from "./requirements.ts";

const LIBRARY = new Set(["json", "os", "sys", "__future__", "collections"]);

describe("needsNoPackages", () => {
  it.each([
    "def main(): pass",
    "import json",
    "import json, os.path as p, sys",
    "from __future__ import annotations\nfrom collections.abc import (Mapping,\n  Sequence)",
    "def main():\n    import json; from os import path",
    "raise A from b\nyield from c\n# imports are fun",
    "import millrace",
  ])("sees that %j needs none", (code) => {
    expect(needsNoPackages(code, LIBRARY)).toBe(true);
  });

  it.each([
    "import requests",
    "import json, requests",
    "import json; import requests",
    "from yaml import load",
    "if x: from a.b import c",
    "import json, \\\n  requests",
    "# requirements:\n# a\nimport json",
    "# /// script\n# dependencies = []\n# ///",
    "from . import json",
    '"""Words that look like it: import everything"""',
  ])("does not claim it of %j", (code) => {
    expect(needsNoPackages(code, LIBRARY)).toBe(false);
  });
});

describe("packageOf", () => {
  it.each([
    ["requests.get", "requests"],
    ["yaml.load", "PyYAML"],
    ["PIL.Image", "Pillow"],
    ["google.cloud.storage.Client", "google-cloud-storage"],
    ["google.cloud.secret_manager", "google-cloud-secret-manager"],
    ["google.oauth2.service_account", "google-auth"],
    ["psycopg2", "psycopg2-binary"],
    ["constructor", "constructor"],
    ["main.x", undefined],
  ])("%s is in %s", (module, name) => {
    expect(packageOf(module)).toBe(name);
  });
});

describe("what is accepted", () => {
  it("are names, extras, versions and conditions", () => {
    const good = [
      "requests",
      "requests==2.32.0",
      "pandas >=2,<3",
      "uvicorn[standard]~=0.30",
      "a.b_c-d (>=1)",
      'x==1 ; python_version < "3.12" and sys_platform == "linux"',
    ];
    expect(faultOfRequirements(good)).toBeUndefined();
    for (const bad of [
      "",
      "-r x",
      "--index-url x",
      "a @ https://x",
      "a@https://x",
      "./a",
      "/a",
      "a==1 --hash=sha256:00",
      "a\nb",
      "https://x/y.whl",
      "a==1; x @ y",
    ]) {
      expect([bad, faultOfRequirements([bad]) === undefined]).toEqual([bad, false]);
    }
  });

  it("are locks of pinned packages with hashes", () => {
    const hash = `--hash=sha256:${"0".repeat(64)}`;
    expect(faultOfLock(`# c\na==1.0 \\\n    ${hash} \\\n    ${hash}\nb[x]==2!1.0+l ; python_version < "3.12" ${hash}\n`)).toBeUndefined();
    for (const bad of [
      "a==1.0",
      `a>=1 ${hash}`,
      `-e . ${hash}`,
      `a==1 ${hash} --index-url x`,
      "--index-url x",
      `a @ https://x ${hash}`,
      `a==1 --hash=md5:${"0".repeat(64)}`,
    ]) {
      expect([bad, faultOfLock(bad) === undefined]).toEqual([bad, false]);
    }
  });
});
