import { expect, test } from "vitest";
import { createJobIdGenerator } from "../../kernel/ids.ts";
import { JobEvents } from "../jobs/job-events.ts";
import { Interest, type JobChange, JobWatch } from "./job-watch.ts";

const newId = createJobIdGenerator(() => Date.now());

test("a peer hears of what it watches, and of nothing after it has gone", () => {
  const watch = new JobWatch();
  const [id, other] = [newId(), newId()];
  const heard: [string, JobChange["kind"]][] = [];
  const watcher = { changed: (of: string, change: JobChange) => void heard.push([of, change.kind]) };
  watch.watch(watcher, id);
  watch.watch(watcher, id);
  watch.watch(watcher, other);
  watch.changed(id, { kind: "running" });
  watch.unwatch(watcher, id);
  watch.changed(id, { kind: "ended" });
  watch.changed(other, { kind: "durable", attempt: 1, seq: 3 });
  watch.forget(watcher);
  watch.changed(other, { kind: "ended" });
  expect(heard).toEqual([
    [id, "running"],
    [other, "durable"],
  ]);
});

test("interest in a job begins with its first reader and ends with its last", () => {
  const told: string[] = [];
  const interest = new Interest(
    () => told.push("first"),
    () => told.push("last"),
  );
  const events = new JobEvents(interest);
  const id = newId();
  const offs = [events.on(id, () => undefined), events.on(id, () => undefined)];
  expect([...interest.jobs]).toEqual([id]);
  for (const off of offs) {
    off();
    off();
  }
  expect(told).toEqual(["first", "last"]);
  expect([...interest.jobs]).toEqual([]);
});
