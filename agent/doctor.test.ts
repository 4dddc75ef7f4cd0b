import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { examineHost } from "./doctor.ts";
import { levelOf } from "./sandbox/layers.ts";

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("millrace-doctor-"));

test("the doctor names every layer with what was found, and leaves nothing behind", async () => {
  const before = folders();
  const { level, layers } = await examineHost();
  expect(layers.map((layer) => layer.name)).toEqual([
    "bubblewrap",
    "isolation",
    "user per job",
    "memory limit",
    "process limit",
    "processor limit",
    "network rules",
  ]);
  expect(layers.filter((layer) => layer.detail === "" || layer.ok !== (layer.fix === ""))).toEqual([]);
  expect(level).toBe(levelOf(layers));
  expect(level).toBeGreaterThanOrEqual(1);
  expect(folders()).toEqual(before);
});

test("without bubblewrap, or with one that does nothing, there is no level", async () => {
  expect(await examineHost("/no/such/bwrap")).toMatchObject({ level: 0, layers: [{ name: "bubblewrap", ok: false, fix: "install bubblewrap" }] });
  const { level, layers } = await examineHost("/bin/true");
  expect(level).toBe(0);
  expect(layers.find((layer) => layer.name === "isolation")).toMatchObject({ ok: false, detail: expect.stringContaining("trial sandbox") });
});
