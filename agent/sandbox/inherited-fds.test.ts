import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inheritableFds } from "./inherited-fds.ts";

const BUNDLE = "/etc/ssl/certs/ca-certificates.crt";
const CHILD = `
import "@grpc/grpc-js";
import { closeInheritedFds } from ${JSON.stringify(new URL("./inherited-fds.ts", import.meta.url).href)};
const closed = closeInheritedFds();
console.log(JSON.stringify(closed));
`;

it.skipIf(!existsSync(BUNDLE))("leaves the file alone from which Node reads certificates meanwhile", () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-fds-"));
  try {
    const many = join(dir, "many.crt");
    // Takes a while to read.
    writeFileSync(many, readFileSync(BUNDLE, "utf8").repeat(30));
    const options = { env: { NODE_EXTRA_CA_CERTS: many }, encoding: "utf8" } as const;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", CHILD], { ...options, cwd: import.meta.dirname });
    // What this process was given by its own parent is closed all the same.
    expect(JSON.parse(output)).toEqual(inheritableFds());
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
