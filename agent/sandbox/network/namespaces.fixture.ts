import { spawnSync } from "node:child_process";

/** Whether this process may make network namespaces, and has what it takes. */
export const NETWORK_NAMESPACES = canMake();

function canMake(): boolean {
  if (process.getuid?.() !== 0) return false;
  return ["ip -V", "nsenter -V", "unshare -n true"].every((command) => {
    const [program = "", ...args] = command.split(" ");
    return spawnSync(program, args, { stdio: "ignore" }).status === 0;
  });
}
