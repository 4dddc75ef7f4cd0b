import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CONFIG_KEYS } from "./config.ts";

// Beside the agent, and not with the control plane's own check of the same page: neither may import the other.
const DOCS = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
const section = DOCS.split(/^## /m).find((part) => part.startsWith("Agent\n")) ?? "";
const rows = section.split("\n").flatMap((line) => {
  const [, name = "", , fallback = "", meaning = "", consequence = ""] = line.split("|").map((cell) => cell.trim());
  return /^`[A-Z_]+`$/.test(name) ? [{ name: name.replaceAll("`", ""), fallback: fallback.replaceAll("`", ""), meaning, consequence }] : [];
});

test("docs/configuration.md lists every setting of the agent, once, and nothing else", () => {
  expect(rows.map((row) => row.name).sort()).toEqual(CONFIG_KEYS.map((entry) => entry.key).sort());
});

test.each(CONFIG_KEYS.map((entry) => [entry.key, entry.fallback]))("it says the default of %s, what it means and what follows", (key, fallback) => {
  const row = rows.find((one) => one.name === key);
  expect(row?.fallback).toBe(fallback === "" ? "none" : fallback);
  expect([(row?.meaning ?? "").length > 10, (row?.consequence ?? "").length > 10]).toEqual([true, true]);
});
