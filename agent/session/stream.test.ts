import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStream } from "./stream.ts";

test.skipIf(spawnSync("openssl", ["version"]).status !== 0)("certificates that are being replaced are what they were until the new ones fit together", () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-stream-"));
  const make = (name: string): void => {
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key -out ${name}.pem -days 1 -subj /CN=${name}`;
    execFileSync("openssl", words.split(" "), { cwd: dir, stdio: "ignore" });
  };
  for (const name of ["now", "next", "other"]) make(name);
  const path = (name: string): string => join(dir, name);
  // Nobody listens there: a stream that can be opened is one whose certificates could be used.
  const open = (certFile: string, keyFile: string): void => {
    const endpoint = { address: "127.0.0.1:1", token: "t", tls: true, caFile: "", certFile: path(certFile), keyFile: path(keyFile) };
    openStream(endpoint, { onFrame: () => undefined, onClosed: () => undefined }).destroy();
  };
  try {
    expect(() => open("other.pem", "next.key")).toThrow(/the certificates cannot be used/);
    expect(() => open("now.pem", "none.key")).toThrow(/none[.]key cannot be read/);
    open("now.pem", "now.key");
    renameSync(path("next.pem"), path("now.pem"));
    open("now.pem", "now.key");
    rmSync(path("now.key"));
    open("now.pem", "now.key");
    renameSync(path("next.key"), path("now.key"));
    open("now.pem", "now.key");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
