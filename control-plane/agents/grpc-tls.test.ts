import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { GrpcTls } from "./grpc-tls.ts";

const log = pino({ level: "silent" });

test.skipIf(spawnSync("openssl", ["version"]).status !== 0)("a new pair is taken up when it is whole; half of one, or a missing file, changes nothing", () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-tls-"));
  const make = (name: string): void => {
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key -out ${name}.pem -days 1 -subj /CN=${name}`;
    execFileSync("openssl", words.split(" "), { cwd: dir, stdio: "ignore" });
  };
  make("now");
  make("next");
  const files = { certFile: join(dir, "now.pem"), keyFile: join(dir, "now.key"), clientCaFile: undefined, caFile: undefined };
  const tls = new GrpcTls(files, log);
  const shown = (): string => {
    tls.look();
    return String(tls._getSecureContextOptions()?.cert);
  };
  const [before, after] = [readFileSync(files.certFile, "utf8"), readFileSync(join(dir, "next.pem"), "utf8")];
  expect(shown()).toBe(before);
  renameSync(join(dir, "next.pem"), files.certFile);
  expect(shown()).toBe(before);
  rmSync(files.keyFile);
  expect(shown()).toBe(before);
  renameSync(join(dir, "next.key"), files.keyFile);
  expect(shown()).toBe(after);
  expect(() => new GrpcTls({ ...files, keyFile: join(dir, "none") }, log)).toThrow(/the certificates cannot be used/);
  rmSync(dir, { recursive: true });
});
