import { expect, test } from "vitest";
import { parseAllowList } from "./allow-list.ts";

test.each([
  ["db.example.com", { kind: "name", name: "db.example.com", port: undefined }],
  ["DB.example.com:5432", { kind: "name", name: "db.example.com", port: 5432 }],
  ["10.0.0.0/8", { kind: "range", family: 4, range: "10.0.0.0/8", port: undefined }],
  ["10.0.0.0/8:5432", { kind: "range", family: 4, range: "10.0.0.0/8", port: 5432 }],
  ["10.1.2.3", { kind: "range", family: 4, range: "10.1.2.3", port: undefined }],
  ["fd00::/8", { kind: "range", family: 6, range: "fd00::/8", port: undefined }],
  ["[fd00::1]:443", { kind: "range", family: 6, range: "fd00::1", port: 443 }],
  ["::1", { kind: "range", family: 6, range: "::1", port: undefined }],
])("reads %s", (text, entry) => {
  expect(parseAllowList([text])).toEqual([entry]);
});

test.each([
  ["nothing", ""],
  ["a decimal address", "2130706433"],
  ["a hexadecimal address", "0x7f.1:80"],
  ["an octal address", "0177.0.0.01"],
  ["a NUL", "good.example\0.evil.example"],
  ["a rule for nft", "10.0.0.1 accept"],
  ["a line break", "a.example\nb.example"],
  ["a range that is too long", "10.0.0.0/33"],
  ["a port that is none", "a.example:0"],
  ["a port beyond all ports", "a.example:65536"],
  ["a zone", "fe80::1%eth0"],
  ["a name in brackets", "[a.example]:80"],
  ["a scheme", "http://a.example"],
])("refuses %s", (_, text) => {
  expect(parseAllowList([text])).toContain("is not a host");
});

test("an empty list allows nothing and is a mistake; a very long one is refused", () => {
  expect(parseAllowList([])).toContain("empty");
  expect(parseAllowList(Array.from({ length: 101 }, (_, index) => `10.0.0.${index}`))).toContain("more than 100");
});
