import { describe, expect, test } from "vitest";
import { foreignSiteOf, forgeryOf, type RequestOrigin } from "./forgery-core.ts";

const OWN = "https://millrace.example.com";
const asked = (fields: Partial<RequestOrigin>): RequestOrigin => ({
  method: "POST",
  fetchSite: "same-origin",
  origin: OWN,
  host: "millrace.example.com",
  hasHeader: true,
  ...fields,
});

describe("a request with a session's cookie", () => {
  test("that changes something comes from our own pages, with our header", () => {
    expect(forgeryOf(asked({}), OWN)).toBeUndefined();
    expect(forgeryOf(asked({ fetchSite: undefined }), OWN)).toBeUndefined();
    expect(forgeryOf(asked({ origin: undefined }), OWN)).toBeUndefined();
    expect(forgeryOf(asked({ hasHeader: false }), OWN)).toMatch(/X-Millrace-Csrf/);
    expect(forgeryOf(asked({ fetchSite: undefined, origin: undefined }), OWN)).toMatch(/neither/);
  });

  test.each(["cross-site", "same-site", "none", "SAME-ORIGIN"])("is refused when Sec-Fetch-Site is %s, whatever its Origin says", (fetchSite) => {
    expect(forgeryOf(asked({ fetchSite }), OWN)).toBe(`Sec-Fetch-Site is ${fetchSite}`);
  });

  test.each([
    "https://evil.example",
    "http://millrace.example.com",
    "https://millrace.example.com:444",
    "https://millrace.example.com.evil.example",
    "null",
    "",
  ])("is refused when its Origin is %j", (origin) => {
    expect(forgeryOf(asked({ fetchSite: undefined, origin }), OWN)).toBe(`Origin is ${origin}`);
  });

  test("is compared with its own host where no public URL is known", () => {
    const local = { fetchSite: undefined, host: "127.0.0.1:8000" };
    expect(forgeryOf(asked({ ...local, origin: "http://127.0.0.1:8000" }), "")).toBeUndefined();
    expect(forgeryOf(asked({ ...local, origin: "http://127.0.0.1:8001" }), "")).toMatch(/Origin/);
    expect(forgeryOf(asked({ ...local, origin: "http://evil@127.0.0.1:8000" }), "")).toMatch(/Origin/);
    expect(forgeryOf(asked({ ...local, origin: "http://127.0.0.1:8000", host: undefined }), "")).toMatch(/Origin/);
  });

  test.each(["GET", "HEAD", "OPTIONS"])("that only looks (%s) needs nothing", (method) => {
    expect(forgeryOf(asked({ method, fetchSite: "cross-site", hasHeader: false }), OWN)).toBeUndefined();
  });

  test.each(["PUT", "PATCH", "DELETE", "QUERY"])("with %s is looked at", (method) => {
    expect(forgeryOf(asked({ method, fetchSite: "cross-site" }), OWN)).toMatch(/cross-site/);
  });
});

test("a login may come from a program, and not from another site", () => {
  const [none, host] = [undefined, "millrace.example.com"];
  expect(foreignSiteOf({ fetchSite: none, origin: none, host }, OWN)).toBeUndefined();
  expect(foreignSiteOf({ fetchSite: "same-origin", origin: OWN, host }, OWN)).toBeUndefined();
  expect(foreignSiteOf({ fetchSite: "cross-site", origin: "https://evil.example", host }, OWN)).toMatch(/cross-site/);
  expect(foreignSiteOf({ fetchSite: none, origin: "https://evil.example", host }, OWN)).toMatch(/Origin/);
});
