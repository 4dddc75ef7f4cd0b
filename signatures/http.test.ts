import { describe, expect, it } from "vitest";
import { readHttp } from "./http.ts";
import { showSignature } from "./show-signature.ts";

const WORD = "string | number | boolean";

describe("the arguments of a request template", () => {
  it.each([
    [{ url: "https://example.org/" }, ""],
    [{ method: "GET", url: "https://{host}/users/{id}", query: { q: "{q}" } }, `host: ${WORD}, id: ${WORD}, q: ${WORD}`],
    [
      { url: "/", headers: { Authorization: "Bearer {token}" }, body: { user: "{user}", tags: ["{tag}", "x{tag}"] } },
      `token: ${WORD}, user: any, tag: ${WORD}`,
    ],
    [{ url: "/{id}", body: "{id}" }, `id: ${WORD}`],
    [{ url: "/{{id}}", body: '{"a":{"b":1}}', headers: { a: "{ x }", b: "{}" } }, ""],
  ])("%j", (template, expected) => {
    const { signature, problems } = readHttp(JSON.stringify(template));
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ['{\n  "url": "/",\n}', 3, 1],
    ['{"url": "/"', 1, 12],
    ["", 1, 1],
    ["[]", 1, 1],
    ['{"method": "GET"}', 1, 1],
  ])("says where %j is broken", (code, line, column) => {
    const { signature, problems } = readHttp(code);
    expect(signature.hasMain).toBe(false);
    expect(problems.map((problem) => [problem.line, problem.column])).toEqual([[line, column]]);
  });
});
