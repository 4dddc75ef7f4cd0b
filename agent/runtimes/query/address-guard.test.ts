import { connect, createServer } from "node:net";
import { expect, it } from "vitest";
import { parseAllowList } from "../../sandbox/network/allow-list.ts";
import { isMetadataAddress, pinHost, pinnedLookup } from "./address-guard.ts";

it.each([
  "169.254.169.254",
  "169.254.0.1",
  "100.100.100.200",
  "168.63.129.16",
  "::ffff:169.254.1.1",
  "::a9fe:a9fe",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::",
  "fe80::1%eth0",
  "febf::1",
  "fd00:ec2::254",
  "not an address",
])("%s is refused", (address) => {
  expect(isMetadataAddress(address)).toBe(true);
});

it.each([
  "127.0.0.1",
  "10.0.0.1",
  "192.168.1.1",
  "169.253.255.255",
  "169.255.0.1",
  "100.100.100.201",
  "::1",
  "fd00::1",
  "fec0::1",
  "2001:db8::a9fe:1",
  "::ffff:10.0.0.1",
])("%s is not", (address) => {
  expect(isMetadataAddress(address)).toBe(false);
});

it("a name is looked up once, and the connection goes where that led (S-50)", async () => {
  const server = createServer((socket) => socket.end("here"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const [open, guarded] = [{ metadataAllowed: true }, { metadataAllowed: false }];
  const pinned = await pinHost("localhost", port, guarded);
  expect(pinned.map((one) => one.address)).toContain("127.0.0.1");
  // What the name would lead to by now does not matter: nobody asks.
  const socket = connect({ host: "rebound.invalid", port, lookup: pinnedLookup(pinned) });
  const data = await new Promise<Buffer>((resolve, reject) => socket.once("data", resolve).once("error", reject));
  expect(data.toString()).toBe("here");
  socket.destroy();
  server.close();
  await expect(pinHost("169.254.169.254", 80, guarded)).rejects.toMatchObject({ name: "ConnectionError", details: { code: "refused_address" } });
  await expect(pinHost("nosuch.invalid", 80, guarded)).rejects.toMatchObject({ name: "ConnectionError" });
  expect(await pinHost("169.254.169.254", 80, open)).toEqual([{ address: "169.254.169.254", family: 4 }]);
});

it.each([
  ["10.1.2.3", 5432, ["10.0.0.0/8:5432"], true],
  ["10.1.2.3", 5433, ["10.0.0.0/8:5432"], false],
  ["11.1.2.3", 5432, ["10.0.0.0/8", "11.1.2.4"], false],
  ["fd00::5", 80, ["[fd00::5]:80"], true],
  ["fd00::6", 80, ["fd00::5"], false],
  ["::ffff:10.1.2.3", 80, ["10.0.0.0/8"], true],
  ["LOCALHOST", 80, ["localhost:80"], true],
  ["localhost", 81, ["localhost:80"], false],
  ["localhost", 80, ["127.0.0.0/8", "::1"], true],
  ["localhost", 80, ["example.org"], false],
  ["169.254.169.254", 80, ["169.254.0.0/16"], false],
])("%s, port %i, with the list %j: %s", async (host, port, list, isReached) => {
  const allow = parseAllowList(list);
  if (typeof allow === "string") throw new Error(allow);
  const pinned = pinHost(host, port, { metadataAllowed: false, allow });
  if (isReached) expect((await pinned).length).toBeGreaterThan(0);
  else await expect(pinned).rejects.toMatchObject({ name: "ConnectionError", details: { code: "refused_address" } });
});
