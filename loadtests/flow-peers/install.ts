import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FlowPeer } from "./flow-peer.ts";

const ROOT = fileURLToPath(new URL("../../.millrace/flow-peers/", import.meta.url));
const LIMIT_MS = 10 * 60 * 1000;
/** A large server is compiled, perhaps on a busy machine. */
const BUILD_MS = 25 * 60 * 1000;
/** Written last: what has it is complete. */
const MARK = ".complete";
const SAID_CHARS = 300;

export type Installed = { readonly folder: string; readonly command: readonly string[] } | { readonly missing: string };

/** A folder with the peer's packages; made once. @returns why not, where the registry is not reachable or a package does not install */
export async function install(peer: FlowPeer, say: (text: string) => void): Promise<Installed> {
  const folder = join(
    ROOT,
    `${peer.name}-${createHash("sha256")
      .update(JSON.stringify(peer.go === undefined ? peer.packages : [peer.packages, peer.go]))
      .digest("hex")
      .slice(0, 12)}`,
  );
  const command = peer.kind === "npm" ? [process.execPath] : [join(folder, "venv", "bin", "python")];
  if (existsSync(join(folder, MARK))) return { folder, command };
  say(`${peer.name}: installing …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const fault = (peer.kind === "npm" ? await installNpm(folder, peer) : await installPip(folder, peer)) ?? (await buildServer(folder, peer));
  if (fault !== undefined) return { missing: fault };
  writeFileSync(join(folder, MARK), "");
  return { folder, command };
}

async function installNpm(folder: string, { packages }: FlowPeer): Promise<string | undefined> {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies: packages }));
  return run(folder, ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
}

async function installPip(folder: string, { packages }: FlowPeer): Promise<string | undefined> {
  const wanted = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  return (
    (await run(folder, ["python3", "-m", "venv", "venv"])) ??
    (await run(folder, [join(folder, "venv", "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted]))
  );
}

/** With the compiler that is there, and no other one. */
async function buildServer(folder: string, { go }: FlowPeer): Promise<string | undefined> {
  if (go === undefined) return undefined;
  const env = { ...process.env, GOBIN: join(folder, "bin"), GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
  return run(folder, ["go", "install", go], BUILD_MS, env);
}

/** @returns what went wrong */
function run(folder: string, [program = "", ...args]: readonly string[], limitMs = LIMIT_MS, env = process.env): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"], timeout: limitMs });
    let said = "";
    child.stderr.on("data", (data: Buffer) => {
      said = (said + data.toString()).slice(-SAID_CHARS);
    });
    child.once("error", (error) => resolve(`${program}: ${error.message}`));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : `${program} ${args[0] ?? ""} ended with ${code ?? signal ?? "nothing"}: ${said.trim().replaceAll(/\s+/g, " ")}`),
    );
  });
}
