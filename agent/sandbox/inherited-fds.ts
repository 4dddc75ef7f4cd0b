import { closeSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what this process inherited beyond stdin, stdout and stderr and would pass on to every script: file
 * descriptors above 2 without close-on-exec. An open directory or socket of the host inside a sandbox is a way
 * out of it (the runc CVE-2024-21626 class). Node opens its own descriptors close-on-exec, so whatever is found
 * came from outside. To be called once, early in main. The channel to a parent Node process is left open.
 * @returns the descriptors that were closed
 */
export function closeInheritedFds(): number[] {
  const certificates = certificatesFile();
  const closed: number[] = [];
  const channel = parentChannelFd();
  for (const fd of inheritableFds()) {
    if (fd === channel) continue;
    try {
      if (certificates !== undefined && readlinkSync(`/proc/self/fd/${fd}`) === certificates) continue;
      closeSync(fd);
      closed.push(fd);
    } catch {
      // Gone already: it belonged to the directory read itself.
    }
  }
  return closed;
}

/**
 * With NODE_EXTRA_CA_CERTS Node reads that file in a thread of its own when TLS is first imported, through a descriptor that looks as if it
 * were inherited. Closed under its hands, the thread loses certificates, and then closes whatever has got the number since: the process
 * aborts. Certificates are no secret; and asking Node for them does not wait for that thread.
 */
function certificatesFile(): string | undefined {
  const path = process.env["NODE_EXTRA_CA_CERTS"];
  try {
    return path === undefined ? undefined : realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Descriptors above 2 that a spawned process would inherit. */
export function inheritableFds(): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc/self/fdinfo")) {
    const fd = Number(name);
    if (fd <= 2) continue;
    const flags = flagsOf(fd);
    if (flags !== undefined && (flags & CLOSE_ON_EXEC) === 0) found.push(fd);
  }
  return found;
}

function flagsOf(fd: number): number | undefined {
  try {
    const match = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"));
    return match === null ? undefined : Number.parseInt(match[1] ?? "", 8);
  } catch {
    return undefined;
  }
}

function parentChannelFd(): number | undefined {
  const channel: unknown = process.channel;
  if (typeof channel !== "object" || channel === null || !("fd" in channel)) return undefined;
  return typeof channel.fd === "number" ? channel.fd : undefined;
}
