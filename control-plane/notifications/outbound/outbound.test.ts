import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isPublicAddress, parseAllowedTargets } from "./address-rules.ts";
import { createOutboundClient, type OutboundResult } from "./outbound-client.ts";

let server: Server;
let port: number;
const seen: { url: string; host: string; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ url: request.url ?? "", host: request.headers.host ?? "", body });
      if (request.url === "/slow") return;
      if (request.url === "/redirect") response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` });
      else if (request.url === "/busy") response.writeHead(429, { "retry-after": "7" });
      else if (request.url === "/endless") {
        const more = (): void => {
          if (!response.destroyed) response.write("x".repeat(64 * 1024), () => setImmediate(more));
        };
        more();
        return;
      }
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const allowing = (text: string) => parseAllowedTargets(text) ?? { hasHost: () => false, hasAddress: () => false };
const post = (url: string, allow = "", resolve?: (host: string) => Promise<string[]>, timeoutMs = 2000): Promise<OutboundResult> =>
  createOutboundClient({ allowed: allowing(allow), userAgent: "test", timeoutMs, ...(resolve !== undefined && { resolve }) }).post(new URL(url), {}, "payload");

test("addresses that are not public are told from those that are, in IPv4 and IPv6", () => {
  const closed =
    "0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 not-an-address";
  for (const address of closed.split(" ")) expect([address, isPublicAddress(address)]).toEqual([address, false]);
  for (const address of "8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.167.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450::1".split(
    " ",
  ))
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
});

test("nothing is sent to this machine or its networks, however the address is written", async () => {
  const before = seen.length;
  for (const host of ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0", "localhost", "169.254.169.254"])
    for (const protocol of ["http", "https"]) expect([host, (await post(`${protocol}://${host}:${port}/`)).kind]).toEqual([host, "refused"]);
  expect(seen.length).toBe(before);
});

test("a name with one address that is not public is refused, and one that changes its mind is connected to where it was looked at", async () => {
  expect(await post("https://mixed.example/", "", async () => ["8.8.8.8", "10.0.0.1"])).toEqual({
    kind: "refused",
    why: "mixed.example is at 10.0.0.1, which is not public",
  });
  expect(await post("https://nowhere.example/", "", async () => [])).toMatchObject({ kind: "refused" });
  let asked = 0;
  const rebinding = async (): Promise<string[]> => (asked++ === 0 ? ["127.0.0.1"] : ["10.0.0.1"]);
  expect(await post(`http://rebind.example:${port}/here`, "127.0.0.1/32", rebinding)).toMatchObject({ kind: "answered", status: 200 });
  expect(asked).toBe(1);
  expect(seen.at(-1)).toEqual({ url: "/here", host: `rebind.example:${port}`, body: "payload" });
});

test("what is not encrypted goes to targets alone that the operator has allowed", async () => {
  expect(await post("http://public.example/", "", async () => ["8.8.8.8"])).toEqual({ kind: "refused", why: "only https is sent to" });
  expect(await post(`http://127.0.0.1:${port}/`, "127.0.0.0/8")).toMatchObject({ kind: "answered", status: 200 });
  expect(await post(`http://hooks.internal:${port}/`, "hooks.internal", async () => ["127.0.0.1"])).toMatchObject({ kind: "answered" });
});

test("redirects are not followed, answers are read to a bound, and nobody is waited for too long", async () => {
  const allow = "127.0.0.1";
  expect(await post(`http://127.0.0.1:${port}/redirect`, allow)).toMatchObject({ kind: "answered", status: 302 });
  expect(seen.some(({ url }) => url === "/inside")).toBe(false);
  expect(await post(`http://127.0.0.1:${port}/busy`, allow)).toEqual({ kind: "answered", status: 429, retryAfter: "7" });
  expect(await post(`http://127.0.0.1:${port}/endless`, allow)).toMatchObject({ kind: "answered", status: 200 });
  expect(await post(`http://127.0.0.1:${port}/slow`, allow, undefined, 200)).toEqual({ kind: "failed", why: "no answer within 0.2 s" });
  expect(await post("https://slow.example/", "", () => new Promise(() => undefined), 100)).toEqual({ kind: "failed", why: "no answer within 0.1 s" });
  expect(await post("http://127.0.0.1:1/", allow)).toMatchObject({ kind: "failed" });
});

test("a list of allowed targets is addresses, networks and names", () => {
  const allowed = allowing("10.1.0.0/16, fd00::/8,127.0.0.1 , Hooks.Internal");
  expect(["10.1.2.3", "10.2.0.1", "fd12::1", "127.0.0.1", "127.0.0.2"].map((address) => allowed.hasAddress(address))).toEqual([true, false, true, true, false]);
  expect([allowed.hasHost("hooks.internal"), allowed.hasHost("internal")]).toEqual([true, false]);
  for (const text of ["10.0.0.0/33", "10.0.0.0/x", "host/8", "a b", "http://x"]) expect(parseAllowedTargets(text), text).toBeUndefined();
});

test.skipIf(spawnSync("openssl", ["version"]).status !== 0)("over TLS the certificate must be that of the name, whatever the address is", async () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-outbound-"));
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -days 1 -subj /CN=x -addext subjectAltName=DNS:hooks.example";
  execFileSync("openssl", words.split(" "), { cwd: dir, stdio: "ignore" });
  const [key, cert] = [readFileSync(join(dir, "k")), readFileSync(join(dir, "c"), "utf8")];
  const names: unknown[] = [];
  const secure = createTlsServer({ key, cert }, (request, response) => {
    names.push((request.socket as TLSSocket).servername);
    response.end();
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  const { port: tlsPort } = secure.address() as AddressInfo;
  const trusted = getCACertificates("default");
  const ask = (host: string) => post(`https://${host}:${tlsPort}/`, "127.0.0.1", async () => ["127.0.0.1"]);
  try {
    expect(await ask("hooks.example")).toMatchObject({ kind: "failed", why: expect.stringMatching(/self-signed/) });
    setDefaultCACertificates([...trusted, cert]);
    expect(await ask("hooks.example")).toMatchObject({ kind: "answered", status: 200 });
    expect(names).toEqual(["hooks.example"]);
    expect(await ask("other.example")).toMatchObject({ kind: "failed", why: expect.stringMatching(/altnames/) });
    expect(await post(`https://127.0.0.1:${tlsPort}/`, "127.0.0.1")).toMatchObject({ kind: "failed" });
    expect(names).toHaveLength(1);
  } finally {
    setDefaultCACertificates(trusted);
    secure.closeAllConnections();
    secure.close();
    rmSync(dir, { recursive: true });
  }
});
