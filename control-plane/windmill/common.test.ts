import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { numberedPage, pageQuery } from "./common.ts";

const things = (count: number): { path: string }[] => Array.from({ length: count }, (_, at) => ({ path: `f/a/${String(at).padStart(6, "0")}` }));

/** As a store reads: by path, after one, so many. */
const reader =
  (all: readonly { readonly path: string }[]) =>
  async (after: string, limit: number): Promise<{ path: string }[]> =>
    all.filter(({ path }) => path > after).slice(0, limit);

test("without a size a page has as many as Windmill's, and a larger size than theirs is theirs", () => {
  expect(pageQuery.parse({})).toMatchObject({ page: 1, per_page: 1000 });
  expect([0, 1, 5000, 1_000_000].map((per_page) => pageQuery.parse({ per_page: String(per_page) }).per_page)).toEqual([1, 1, 5000, 10_000]);
});

test("a page larger than what is read at once is whole, and so is the one after it", async () => {
  const all = things(1203);
  expect(await numberedPage({ page: 1, per_page: 1000 }, reader(all))).toEqual(all.slice(0, 1000));
  expect(await numberedPage({ page: 2, per_page: 1000 }, reader(all))).toEqual(all.slice(1000));
});

test("pages have those that count, each once and as many as fit, whatever lies between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (counts, size) => {
      const all = things(counts.length).map((one, at) => ({ ...one, counts: counts[at] === true }));
      const read = async (after: string, limit: number) => all.filter(({ path }) => path > after).slice(0, limit);
      const pages = await Promise.all(
        Array.from({ length: all.length + 1 }, (_, at) => numberedPage({ page: at + 1, per_page: size }, read, (one) => one.counts)),
      );
      const wanted = all.filter((one) => one.counts);
      expect(pages).toEqual(pages.map((_, at) => wanted.slice(at * size, (at + 1) * size)));
    }),
  );
});
