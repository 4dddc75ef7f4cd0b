import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./embedded-account.ts";
import type { ServerAddress } from "./embedded-messages.ts";

/** The kernel takes 107 bytes on Linux and 103 on macOS; the file in the folder is named `.s.PGSQL.<port>` (15 with its slash and 5 digits). */
const LONGEST_SOCKET_FOLDER = 103 - "/.s.PGSQL.65535".length;
/** Below the range from which the kernel picks ports of outgoing connections, so that a restart finds its port free. */
const FIRST_PORT = 21_000;
const PORT_COUNT = 10_000;
const TRIES = 20;

/** Chooses where the server listens: the port of last time when it is free, and a socket folder with a short enough path. */
export async function chooseAddress(folder: string, portFile: string, account: Account | undefined): Promise<ServerAddress> {
  const port = await choosePort(portFile);
  writeFileSync(portFile, `${port}\n`);
  return { port, socketFolder: makeSocketFolder(folder, account) };
}

/** True when something can listen on this port of 127.0.0.1 right now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

async function choosePort(portFile: string): Promise<number> {
  const last = readPort(portFile);
  if (last !== undefined && (await isPortFree(last))) return last;
  let port = FIRST_PORT;
  for (let i = 0; i < TRIES; i++) {
    port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (await isPortFree(port)) break;
  }
  // When nothing is free the server goes without TCP; the number then only names its socket.
  return port;
}

function readPort(portFile: string): number | undefined {
  try {
    const port = Number(readFileSync(portFile, "utf8"));
    return Number.isInteger(port) && port > 1023 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

function makeSocketFolder(folder: string, account: Account | undefined): string {
  const inside = join(folder, "socket");
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_FOLDER) {
    return prepareSocketFolder(inside, account);
  }
  const uid = process.getuid?.() ?? 0;
  const name = `millrace-${uid}-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
  const short = join(shortBase(), name);
  try {
    mkdirSync(short, { recursive: true, mode: 0o700 });
    const found = lstatSync(short);
    // In a folder that all may write, somebody else may have made this name first.
    if (found.isDirectory() && [uid, account?.uid].includes(found.uid)) return prepareSocketFolder(short, account);
  } catch {
    // Fall through to a name that nobody can foresee.
  }
  return prepareSocketFolder(mkdtempSync(join("/tmp", "millrace-")), account);
}

function shortBase(): string {
  const temporary = tmpdir();
  return Buffer.byteLength(temporary) <= 40 ? temporary : "/tmp";
}

/** Makes the folder when it is missing (something may clean /tmp) and gives it to the server's account alone. */
export function prepareSocketFolder(path: string, account: Account | undefined): string {
  mkdirSync(path, { recursive: true });
  if (account !== undefined) chownSync(path, account.uid, account.gid);
  chmodSync(path, 0o700);
  return path;
}

/** Removes what a killed server left; call only when none runs. Its lock file names a pid that may belong to somebody else by now. */
export function removeStaleSockets(socketFolder: string): void {
  for (const name of readdirSync(socketFolder)) if (name.startsWith(".s.PGSQL.")) rmSync(join(socketFolder, name), { force: true });
}
