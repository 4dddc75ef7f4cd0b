import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Finished, json, ScriptedApi, startCli } from "../scripted-api.fixture.ts";

const STORED = {
  path: "f/demo/morning",
  cron: "0 30 7 * * 1-5",
  timezone: "Europe/Berlin",
  script: "f/demo/double",
  overlap: "skip",
  catch_up: { policy: "none" },
  paused: false,
  next_at: "2026-01-02T06:30:00.000Z",
  failures: 0,
  description: "",
  revision: 1,
  created_at: "2026-01-01T00:00:00.000Z",
  created_by: "me",
  updated_at: "2026-01-01T00:00:00.000Z",
  updated_by: "me",
};

let api: ScriptedApi;
beforeEach(async () => {
  api = new ScriptedApi();
  await api.open();
});
afterEach(() => api.close());
const millrace = (...args: string[]): Promise<Finished> => startCli(api.url, ["schedule", ...args]).finished;

describe("millrace schedule", () => {
  it("puts what options say over what the definition says, with large numbers as they are", async () => {
    api.on("PUT /schedules/by-path", json(201, STORED));
    const definition = '{"cron": "0 0 7 * * *", "script": "f/demo/double", "args": {"n": 12345678901234567890}, "overlap": "queue"}';
    const { code, stderr } = await millrace("put", "f/demo/morning", definition, "--cron", "0 30 7 * * 1-5", "--overlap", "skip");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "f/demo/morning is set; it ticks next at 2026-01-02T06:30:00.000Z\n" });
    const [sent] = api.to("PUT /schedules/by-path");
    expect(sent?.path).toContain("path=f%2Fdemo%2Fmorning");
    expect(sent?.body).toBe('{"cron":"0 30 7 * * 1-5","script":"f/demo/double","args":{"n":12345678901234567890},"overlap":"skip"}');
  });

  it("lists what is stored, and shows the ticks of a schedule in its zone", async () => {
    api
      .on("GET /schedules", json(200, { schedules: [STORED, { ...STORED, path: "f/demo/never", paused: true }] }))
      .on("GET /schedules/by-path", json(200, STORED))
      .on("GET /schedules/preview", json(200, { ticks: [{ at: "2026-01-02T06:30:00.000Z", local: "2026-01-02T07:30:00+01:00" }] }));
    expect((await millrace("list")).stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
      ["PATH", "CRON", "ZONE", "RUNS", "NEXT"],
      ["f/demo/morning", "0 30 7 * * 1-5", "Europe/Berlin", "f/demo/double", "2026-01-02T06:30:00.000Z"],
      ["f/demo/never", "0 30 7 * * 1-5", "Europe/Berlin", "f/demo/double", "paused"],
      [""],
    ]);
    expect(await millrace("next", "f/demo/morning", "-n", "1")).toMatchObject({ code: 0, stdout: "2026-01-02T07:30:00+01:00  2026-01-02T06:30:00.000Z\n" });
    expect(api.to("GET /schedules/preview")[0]?.path).toContain("timezone=Europe%2FBerlin&count=1");
  });

  it("pauses, runs and deletes", async () => {
    api
      .on("POST /schedules/pause", json(200, { ...STORED, paused: true }))
      .on("POST /schedules/run", json(201, { due_at: "2026-01-01T00:00:00.001Z", state: "started", job: "the-job" }))
      .on("DELETE /schedules/by-path", json(204, ""));
    expect(await millrace("pause", "f/demo/morning")).toMatchObject({ code: 0, stderr: "f/demo/morning is paused\n" });
    expect(await millrace("run", "f/demo/morning")).toMatchObject({ code: 0, stdout: "the-job\n" });
    expect(await millrace("delete", "f/demo/morning")).toMatchObject({ code: 0, stderr: "f/demo/morning is deleted\n" });
  });
});
