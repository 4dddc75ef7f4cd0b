import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Firewall, openFirewall } from "./firewall.ts";

const destination = { family: 4, range: "203.0.113.5", port: 443 } as const;
/** Stands in for nft, which this machine may not have: keeps what it was told, and knows whether there is a table. */
const NFT = `#!/bin/sh
case "$1" in
list) [ "$2" = tables ] || [ -e "$0.table" ] ;;
delete) rm "$0.table" ;;
-f)
  text=$(cat)
  case "$text" in "add table"*) : > "$0.table" ;; esac
  [ -e "$0.table" ] || exit 1
  printf '%s\n---\n' "$text" >> "$0.told" ;;
esac
`;

describe("the rules of jobs", () => {
  let dir = "";
  let nftPath = "";
  let firewall: Firewall;
  /** What nft was told, the newest last. */
  const told = (): string[] => (existsSync(`${nftPath}.told`) ? readFileSync(`${nftPath}.told`, "utf8").split("\n---\n").slice(0, -1) : []);
  const flush = (): void => rmSync(`${nftPath}.table`);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "millrace-firewall-"));
    nftPath = join(dir, "nft");
    writeFileSync(nftPath, NFT);
    chmodSync(nftPath, 0o755);
  });
  afterEach(() => {
    firewall.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("are made again with all lists when a job comes after somebody has flushed them", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath });
    await firewall.enclose(200_001, [destination]);
    flush();
    await firewall.enclose(200_002, [destination]);
    const [last = ""] = told().slice(-1);
    expect(last).toMatch(/^add table inet millrace_[0-9a-f]{12}\ndelete table/);
    for (const rule of ["ip daddr { 169.254.0.0/16", "lists { 200001 : jump job_200001 }", "lists { 200002 : jump job_200002 }"]) expect(last).toContain(rule);
  });

  it("are made again without a job, so that those who run are kept in", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath, lookEveryMs: 20 });
    await firewall.enclose(200_001, [destination]);
    flush();
    await expect.poll(() => existsSync(`${nftPath}.table`)).toBe(true);
    expect(told().at(-1)).toContain("lists { 200001 : jump job_200001 }");
  });

  it("of a job that is over are not among them, and its user is free", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath });
    await firewall.enclose(200_001, [destination]);
    await firewall.enclose(200_002, [destination]);
    flush();
    await firewall.release(200_001);
    expect([firewall.isEnclosed(200_001), firewall.isEnclosed(200_002)]).toEqual([false, true]);
    expect(told().at(-1)).not.toContain("200001");
    expect(told().at(-1)).toContain("200002");
  });

  it("are made again once for all who notice at the same moment", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath });
    await firewall.enclose(200_001, [destination]);
    flush();
    await Promise.all([firewall.release(200_001), firewall.enclose(200_002, [destination]), firewall.enclose(200_003, [destination])]);
    expect([200_001, 200_002, 200_003].map((uid) => firewall.isEnclosed(uid))).toEqual([false, true, true]);
    expect(told().filter((text) => text.startsWith("add table"))).toHaveLength(2);
  });

  it("stay away once the agent has closed them", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath, lookEveryMs: 5 });
    await firewall.enclose(200_001, [destination]);
    firewall.close();
    await expect(firewall.release(200_001)).rejects.toThrow("cannot be changed");
    expect(existsSync(`${nftPath}.table`)).toBe(false);
  });

  it("that cannot be made leave the user free", async () => {
    firewall = await openFirewall({ stateDir: dir, blockMetadata: true, nftPath });
    writeFileSync(nftPath, "#!/bin/sh\nexit 1\n");
    await expect(firewall.enclose(200_001, [destination])).rejects.toThrow("cannot be changed");
    expect(firewall.isEnclosed(200_001)).toBe(false);
  });
});
