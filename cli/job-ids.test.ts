import { describe, expect, it } from "vitest";
import type { JobView } from "../control-plane/jobs/contract.ts";
import { type ApiClient, createApiClient, type JobFilter, type JobPage } from "./api-client.ts";
import { resolveJobId } from "./job-ids.ts";

const IDS = ["01a2000c-5c41-7000-92f2-ed0c5a100103", "01a2000c-604a-7000-bd49-dbe8e79c67a2", "01a20011-d4bf-7000-acd1-3a4bdddd2261"];

/** A client whose list of jobs comes in pages of two. */
function clientWith(ids: readonly string[]): ApiClient & { asked: JobFilter[] } {
  const asked: JobFilter[] = [];
  const view = (id: string): JobView => ({
    id,
    workspace: "main",
    kind: "inline",
    language: "bash",
    tag: "default",
    priority: 5,
    status: "succeeded",
    attempt: 1,
    created_by: "x",
    created_at: "2026-01-01T00:00:00Z",
  });
  return {
    ...createApiClient({ url: "http://127.0.0.1:1", workspace: "main", token: undefined }),
    asked,
    async jobs(filter): Promise<JobPage> {
      asked.push(filter);
      const from = filter.cursor === undefined ? 0 : ids.indexOf(filter.cursor) + 1;
      const page = ids.slice(from, from + 2);
      const last = page.at(-1);
      return { jobs: page.map(view), ...(from + 2 < ids.length && last !== undefined && { next_cursor: last }) };
    },
  };
}

describe("resolveJobId", () => {
  it("takes a whole id without asking", async () => {
    const client = clientWith([]);
    expect(await resolveJobId(client, IDS[0]?.toUpperCase() ?? "")).toBe(IDS[0]);
    expect(client.asked).toEqual([]);
  });

  it("finds by a beginning and by the last eight characters, on later pages too", async () => {
    expect(await resolveJobId(clientWith(IDS), "01a2000c-6")).toBe(IDS[1]);
    expect(await resolveJobId(clientWith(IDS), "e79c67a2")).toBe(IDS[1]);
    expect(await resolveJobId(clientWith(IDS), "DDDD2261")).toBe(IDS[2]);
  });

  it("says which jobs an ambiguous form means", async () => {
    await expect(resolveJobId(clientWith(IDS), "01a2000c")).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(`means 2 jobs: ${IDS[0]}, ${IDS[1]}`),
    });
  });

  it("refuses what is too short, no id, or not there", async () => {
    await expect(resolveJobId(clientWith(IDS), "01a2000")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(resolveJobId(clientWith(IDS), "not-an-id")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(resolveJobId(clientWith(IDS), "ffffffff")).rejects.toMatchObject({ code: "not_found" });
  });

  it("looks through no more than the newest thousand", async () => {
    const many = Array.from({ length: 1500 }, (_, at) => `01a20000-0000-7000-8000-${String(at).padStart(12, "0")}`);
    const client = clientWith(many);
    await expect(resolveJobId(client, "00001400")).rejects.toMatchObject({ code: "not_found" });
    expect(client.asked).toHaveLength(500);
  });
});
