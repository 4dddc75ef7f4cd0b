import { describe, expect, it } from "vitest";
import { JobUids } from "./job-uids.ts";

describe("JobUids", () => {
  it("never gives one user to two live jobs and runs dry at a thousand", () => {
    const uids = new JobUids(undefined, 0.99);
    const taken = Array.from({ length: 1_000 }, () => uids.acquire().uid);
    expect(new Set(taken).size).toBe(1_000);
    expect(Math.min(...taken)).toBe(200_000);
    expect(Math.max(...taken)).toBe(200_999);
    expect(() => uids.acquire()).toThrow(expect.objectContaining({ code: "resource_exhausted" }));
    uids.release({ uid: 200_500, gid: 200_500, own: false });
    expect(uids.acquire().uid).toBe(200_500);
  });

  it("lets a freed user rest until the round comes back to it", () => {
    const uids = new JobUids(undefined, 0);
    const first = uids.acquire();
    uids.release(first);
    expect(uids.acquire().uid).not.toBe(first.uid);
  });

  it("has only itself to give when it cannot change users", () => {
    const own = { uid: 1_234, gid: 1_234, own: true };
    const uids = new JobUids(own, 0);
    expect(uids.separate).toBe(false);
    expect([uids.acquire(), uids.acquire()]).toEqual([own, own]);
  });
});
