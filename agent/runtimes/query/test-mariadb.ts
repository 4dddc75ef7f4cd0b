/** A MariaDB of the tests' own, as an unprivileged user, in a folder that is thrown away. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import mysql, { type Connection } from "mysql2";

const SERVER = "/usr/sbin/mariadbd";
const INSTALL = "/usr/bin/mariadb-install-db";
const OPENSSL = "/usr/bin/openssl";
const NOBODY = 65_534;

export const hasMariadb: boolean = existsSync(SERVER) && existsSync(INSTALL);

export interface TestMariadb {
  readonly port: number;
  /** PEM of the authority that signed the server's certificate, which is for `localhost`; empty where there is no openssl. */
  readonly authority: string;
  /** As root of the server. */
  readonly admin: Connection;
  stop(): Promise<void>;
}

export async function startMariadb(): Promise<TestMariadb> {
  const folder = mkdtempSync("/tmp/millrace-mariadb-");
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  chmodSync(folder, 0o700);
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, "data");
  const small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--aria-pagecache-buffer-size=8M", "--key-buffer-size=1M"];
  execFileSync(INSTALL, ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", ...small], {
    ...user,
    stdio: "ignore",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: folder },
  });
  const { authority, options: tls } = makeCertificates(join(folder, "tls"));
  const port = await freePort();
  const address = ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${join(folder, "s")}`, "--skip-networking=0", "--skip-name-resolve"];
  const durable = ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--performance-schema=0"];
  const server = spawn(SERVER, ["--no-defaults", `--datadir=${data}`, ...address, ...small, ...durable, ...tls], {
    ...user,
    stdio: "ignore",
    env: { HOME: folder },
  });
  const admin = await untilOpen(port, server);
  return {
    port,
    authority,
    admin,
    stop: async () => {
      admin.destroy();
      const exited = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeCertificates(dir: string): { readonly authority: string; readonly options: readonly string[] } {
  if (!existsSync(OPENSSL)) return { authority: "", options: [] };
  mkdirSync(dir);
  const openssl = (...args: string[]): void => void execFileSync(OPENSSL, args, { cwd: dir, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=test authority");
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca-key.pem",
  );
  for (const name of ["", ...readdirSync(dir)]) if (process.getuid?.() === 0) chownSync(join(dir, name), NOBODY, NOBODY);
  return {
    authority: readFileSync(join(dir, "ca.pem"), "utf8"),
    options: [`--ssl-cert=${join(dir, "cert.pem")}`, `--ssl-key=${join(dir, "key.pem")}`, `--ssl-ca=${join(dir, "ca.pem")}`],
  };
}

/** The limit is that of the hook. */
async function untilOpen(port: number, server: ChildProcess): Promise<Connection> {
  while (server.exitCode === null) {
    const connection = mysql.createConnection({ host: "127.0.0.1", port, user: "root", multipleStatements: true });
    connection.on("error", () => undefined);
    const failed = await new Promise((resolve) => connection.connect(resolve));
    if (failed === null || failed === undefined) return connection;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`MariaDB ended with ${server.exitCode}`);
}

/** Between those of embedded databases and those that the kernel picks for outgoing connections: nobody takes it before the server does. */
const [FIRST_PORT, PORT_COUNT] = [31_000, 1_700];

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
