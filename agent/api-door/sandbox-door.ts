import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import type { JobId, Token } from "../../kernel/ids.ts";
import type { ReadOnlyMount, Sandbox } from "../sandbox/sandbox.ts";
import { type ApiAccess, ApiDoor, type GuestHost } from "./api-door.ts";

/** The door with its place in the sandboxes. */
export interface SandboxDoor extends Pick<ApiDoor, "use" | "admit" | "dismiss" | "apiUrl" | "close"> {
  readonly mount: ReadOnlyMount;
  /** Of the socket, as scripts see it. */
  readonly insidePath: string;
  /** Folder with the command `millrace`, as scripts see it. */
  readonly commands: string;
}

const INSIDE = "/runtimes/api";
const SOCKET = "api.sock";
const COMMANDS = "bin";
const COMMAND = readFileSync(new URL("../sdk/bash/millrace", import.meta.url), "utf8");
/** The kernel takes 107 bytes. */
const MAX_PATH_BYTES = 100;

/**
 * Opens the door in a folder that every sandbox of this agent has.
 * @param dir that job users can pass, see `makeReachableDir`
 */
export async function openSandboxDoor(dir: string, sandbox: Pick<Sandbox, "mountPath">, ca?: string): Promise<SandboxDoor> {
  const source = folderFor(dir);
  mkdirSync(source, { recursive: true, mode: 0o711 });
  checkOwn(source);
  // Whatever the umask is: job users pass through, and do not list.
  chmodSync(source, 0o711);
  placeCommand(join(source, COMMANDS));
  const door = await ApiDoor.open({ socketPath: join(source, SOCKET), ...(ca !== undefined && { ca }) });
  const mount: ReadOnlyMount = { source, target: INSIDE };
  return {
    mount,
    insidePath: join(sandbox.mountPath(mount), SOCKET),
    commands: join(sandbox.mountPath(mount), COMMANDS),
    get apiUrl() {
      return door.apiUrl;
    },
    use: (access: ApiAccess) => door.use(access),
    admit: (job: JobId, attempt: Token, host: GuestHost) => door.admit(job, attempt, host),
    dismiss: (token: string) => door.dismiss(token),
    close: () => door.close(),
  };
}

/** What every language can start: beside the socket, since every sandbox has that. */
function placeCommand(dir: string): void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, "millrace");
  writeFileSync(path, COMMAND);
  for (const one of [dir, path]) chmodSync(one, 0o755);
}

/** The folder may lie where everybody can make one: whoever made it could put a socket of his own in the place of ours, and read tokens. */
function checkOwn(dir: string): void {
  const stat = lstatSync(dir);
  if (stat.isDirectory() && stat.uid === process.getuid?.()) return;
  throw new AppError("failed_precondition", `${dir} belongs to somebody else`, { hint: "remove it, or give the agent a data folder with a shorter path" });
}

/** Sockets want short paths: where the agent's folder has a long one, theirs is elsewhere. */
function folderFor(dir: string): string {
  const wished = join(dir, "door");
  if (Buffer.byteLength(join(wished, SOCKET)) <= MAX_PATH_BYTES) return wished;
  return join(tmpdir(), `millrace-door-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}`);
}
