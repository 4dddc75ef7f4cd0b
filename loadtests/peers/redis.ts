import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { Redis } from "ioredis";
import { temporaryFolder } from "../world/postgres.ts";
import { freePort, startProgram, until } from "../world/processes.ts";
import type { Scope } from "../world/scope.ts";

const APT_LIMIT_MS = 180_000;

/** Address of a Redis of our own, or why there is none. It ends with the scope. */
export async function startRedis(scope: Scope): Promise<{ url: string } | { missing: string }> {
  const found = findRedis() ?? installRedis();
  if (typeof found !== "string") return found;
  const port = await freePort();
  const folder = temporaryFolder(scope);
  const settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"];
  startProgram(scope, "loadtests/peers/redis-child.ts", [found, "--port", String(port), "--dir", folder, "--daemonize", "no", ...settings], {}, false);
  const url = `redis://127.0.0.1:${port}`;
  const probe = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  probe.on("error", () => undefined);
  await until("Redis answers", async () => {
    if (probe.status !== "ready") await probe.connect();
    return (await probe.ping()) === "PONG";
  });
  probe.disconnect();
  return { url };
}

/** Version of the Redis on this machine. */
export function redisVersion(): string {
  const found = findRedis();
  return found === undefined ? "none" : (/v=(\S+)/.exec(spawnSync(found, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "unknown");
}

function findRedis(): string | undefined {
  return [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"]
    .map((folder) => join(folder, "redis-server"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** As root from the distribution; its service is kept from starting (RUNLEVEL=1 is what Debian's scripts look at). */
function installRedis(): string | { missing: string } {
  if (process.getuid?.() !== 0) return { missing: "there is no redis-server, and only root may install it (apt-get install redis-server)" };
  const env = { ...process.env, RUNLEVEL: "1", DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]): boolean => spawnSync("apt-get", args, { env, stdio: "ignore", timeout: APT_LIMIT_MS }).status === 0;
  const install = ["install", "-y", "-qq", "--no-install-recommends", "redis-server"];
  if (!apt(...install)) {
    apt("update", "-qq");
    apt(...install);
  }
  return findRedis() ?? { missing: "there is no redis-server, and apt-get could not install it" };
}
