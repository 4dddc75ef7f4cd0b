import { connect, createServer } from "node:net";
import { expect, it } from "vitest";
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
  const pinned = await pinHost("localhost", false);
  expect(pinned.map((one) => one.address)).toContain("127.0.0.1");
  // What the name would lead to by now does not matter: nobody asks.
  const socket = connect({ host: "rebound.invalid", port, lookup: pinnedLookup(pinned) });
  const data = await new Promise<Buffer>((resolve, reject) => socket.once("data", resolve).once("error", reject));
  expect(data.toString()).toBe("here");
  socket.destroy();
  server.close();
  await expect(pinHost("169.254.169.254", false)).rejects.toMatchObject({ name: "ConnectionError", details: { code: "refused_address" } });
  await expect(pinHost("nosuch.invalid", false)).rejects.toMatchObject({ name: "ConnectionError" });
  expect(await pinHost("169.254.169.254", true)).toEqual([{ address: "169.254.169.254", family: 4 }]);
});
