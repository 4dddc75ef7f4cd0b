import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Finished, json, ScriptedApi, startCli } from "../scripted-api.fixture.ts";

let api: ScriptedApi;
beforeEach(async () => {
  api = new ScriptedApi();
  await api.open();
});
afterEach(() => api.close());
const millrace = (...args: string[]): Promise<Finished> => startCli(api.url, args).finished;

describe("millrace trigger", () => {
  it("lists them with their addresses, and sends settings as they came", async () => {
    const stored = { path: "f/a/b", kind: "webhook", script: "f/a/s", paused: true, url: "http://h/api/v1/w/main/webhooks/f/a/b" };
    api.on("GET /triggers", json(200, { triggers: [stored], next_cursor: "f/a/b" })).on("PUT /triggers/by-path", json(201, stored));
    const listed = await millrace("trigger", "list", "--prefix", "f/", "-n", "1");
    expect([listed.code, api.to("GET /triggers")[0]?.path]).toEqual([0, "/triggers?limit=1&prefix=f%2F"]);
    expect(listed.stdout).toMatch(/f\/a\/b +POST +http:\/\/h\/api\/v1\/w\/main\/webhooks\/f\/a\/b +f\/a\/s +paused/);
    expect(listed.stderr).toContain("--cursor f/a/b");
    expect(await millrace("trigger", "put", "f/a/b", '{"constants": {"n": 12345678901234567890}}')).toMatchObject({ code: 0, stdout: "" });
    expect(api.to("PUT /triggers/by-path")[0]).toMatchObject({ path: "/triggers/by-path?path=f%2Fa%2Fb", body: '{"constants":{"n":12345678901234567890}}' });
  });

  it("prints a new secret alone, pauses and deletes", async () => {
    api
      .on("POST /triggers/secrets", json(201, { id: "1", secret: "mr_trg_x" }))
      .on("POST /triggers/pause", json(200, {}))
      .on("DELETE /triggers/by-path", (response) => response.writeHead(204).end());
    expect(await millrace("trigger", "secret", "f/a/b")).toEqual({ code: 0, stdout: "mr_trg_x\n", stderr: "" });
    expect(await millrace("trigger", "pause", "f/a/b")).toEqual({ code: 0, stdout: "", stderr: "f/a/b is paused\n" });
    expect(await millrace("trigger", "delete", "f/a/b")).toEqual({ code: 0, stdout: "", stderr: "f/a/b is deleted\n" });
  });
});

describe("millrace hook", () => {
  it("prints the secret of a new one alone, and exits as a test went", async () => {
    api
      .on("PUT /hooks/by-path", json(201, { path: "f/a/h", url: "https://h", secret: "whsec_x" }))
      .on(
        "POST /hooks/test",
        json(200, { status: "delivered", attempts: [{ status: 204 }] }),
        json(200, { status: "dead", attempts: [{ error: "no answer" }] }),
      );
    expect(await millrace("hook", "put", "f/a/h", '{"url": "https://h", "events": ["job.failed"]}')).toEqual({
      code: 0,
      stdout: "whsec_x\n",
      stderr: "f/a/h is set: https://h\n",
    });
    expect(await millrace("hook", "test", "f/a/h")).toMatchObject({ code: 0, stderr: "delivered: the receiver answered 204\n" });
    expect(await millrace("hook", "test", "f/a/h")).toMatchObject({ code: 1, stderr: "dead: no answer\n" });
  });
});
