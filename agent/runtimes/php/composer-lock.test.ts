import { describe, expect, it } from "vitest";
import { checkComposerLock } from "./composer-lock.ts";

const archive = { type: "zip", url: "https://api.example/acme/one/zipball/abc", reference: "abc", shasum: "" };
const one = { name: "acme/one", version: "1.2.0", dist: archive, require: { php: ">=8.1" } };
const lock = (...packages: object[]): string => JSON.stringify({ "content-hash": "abc", packages, "packages-dev": [one], aliases: [] });

describe("a composer.lock from outside", () => {
  it("keeps packages with their archives, without repositories and without what is for development", () => {
    const source = { type: "git", url: "ext::sh -c env", reference: "abc" };
    const mirrors = [{ url: "https://elsewhere.example/%package%", preferred: true }];
    const checked = checkComposerLock(
      lock(
        { ...one, source, "notification-url": "http://127.0.0.1:1/", dist: { ...archive, mirrors } },
        { name: "acme/all", version: "1.0.0", type: "metapackage" },
      ),
    );
    expect(checked.kind === "lock" ? JSON.parse(checked.text) : checked).toEqual({
      "content-hash": "abc",
      packages: [one, { name: "acme/all", version: "1.0.0", type: "metapackage" }],
      "packages-dev": [],
      aliases: [],
    });
  });

  it.each([
    ["a folder of the agent's machine", { dist: { type: "path", url: "/etc/composer", reference: "abc" } }],
    ["a file of the agent's machine", { dist: { type: "file", url: "file:///etc/composer/auth.json" } }],
    ["no archive", { dist: undefined, source: { type: "git", url: "https://x.example/a.git", reference: "abc" } }],
    ["an address of another kind", { dist: { ...archive, url: "phar:///etc/x" } }],
    ["an archive in a metapackage that is none", { type: "metapackage", dist: { type: "path", url: "/etc" } }],
    ["a name that leads elsewhere", { name: "../etc" }],
  ])("S-67: is refused with %s", (_name, change) => {
    expect(checkComposerLock(lock({ ...one, ...change }))).toMatchObject({ kind: "fault", message: expect.stringContaining("the lock") });
  });

  it.each(["", "null", "[]", '{"packages":{}}'])("is refused when it is none: %j", (text) => {
    expect(checkComposerLock(text)).toMatchObject({ kind: "fault", message: expect.stringContaining("composer.lock") });
  });
});
