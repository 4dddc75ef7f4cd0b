import { realpathSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { ReadOnlyMount } from "../sandbox/sandbox.ts";

/** In front of the names of variables that builds get. */
export const BUILD_ENV_PREFIX = "MILLRACE_BUILD_ENV_";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** What the operator sets for builds: `MILLRACE_BUILD_ENV_PIP_INDEX_URL=…` becomes `PIP_INDEX_URL`. Empty values count as not set. */
export function readBuildEnv(env: Readonly<Record<string, string | undefined>>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(env)) {
    const name = key.startsWith(BUILD_ENV_PREFIX) ? key.slice(BUILD_ENV_PREFIX.length) : "";
    if (value !== undefined && value !== "" && NAME.test(name) && !value.includes("\0")) found.set(name, value);
  }
  return found;
}

/** Where Linux systems keep the authorities that they trust, as one file. */
const BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];
const INSIDE_BUNDLE = "/build/ca-certificates.crt";
/** By which the tools find it; Node and pip would trust lists of their own. */
const BUNDLE_NAMES = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO"];
/** Folders that a build sees anyway, or must never see as a whole. */
const NOT_SHOWN = /^\/(?:usr(?:\/.*)?|bin|sbin|lib|lib64|etc|proc(?:\/.*)?|dev(?:\/.*)?|sys(?:\/.*)?|root|home|job|out|tmp|var|run)?\/?$/;

export interface NetworkSurroundings {
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly ReadOnlyMount[];
}

/**
 * What a build with network sees beyond its step: the system's authorities, and the operator's variables. One whose value is the
 * path of a file or folder of this machine has that shown at the same path.
 * @param mountPath where a mount appears inside
 */
export function networkSurroundings(buildEnv: ReadonlyMap<string, string>, mountPath: (mount: ReadOnlyMount) => string): NetworkSurroundings {
  const env = new Map<string, string>();
  const mounts: ReadOnlyMount[] = [];
  const bundle = BUNDLES.find((path) => realPath(path) !== undefined);
  if (bundle !== undefined) {
    const mount = { source: realPath(bundle) ?? bundle, target: INSIDE_BUNDLE };
    mounts.push(mount);
    for (const name of BUNDLE_NAMES) env.set(name, mountPath(mount));
  }
  for (const [name, value] of buildEnv) {
    env.set(name, value);
    const source = isAbsolute(value) && !NOT_SHOWN.test(value) ? realPath(value) : undefined;
    if (source !== undefined && !NOT_SHOWN.test(source) && !mounts.some((mount) => mount.target === value)) mounts.push({ source, target: value });
  }
  return { env, mounts };
}

/** Of a file or folder that is there. */
function realPath(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    const stat = statSync(real);
    return stat.isFile() || stat.isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}
