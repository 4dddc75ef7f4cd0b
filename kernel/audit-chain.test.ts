import { describe, expect, test } from "vitest";
import { AuditCheck, type AuditHead, type AuditRow, auditHash, NO_HASH } from "./audit-chain.ts";

function chainOf(length: number): AuditRow[] {
  const rows: AuditRow[] = [];
  for (let seq = 1; seq <= length; seq++) {
    const row = {
      chain: "7",
      seq,
      at: `2026-01-01T00:00:0${seq}.000Z`,
      actor: "anna",
      action: "variables:write",
      target: `variable f/a/${seq}`,
      outcome: "done",
      detail: { revision: seq },
      prev_hash: rows.at(-1)?.hash ?? NO_HASH,
    };
    rows.push({ ...row, hash: auditHash(row) });
  }
  return rows;
}

const headOf = ({ chain, seq, at, hash }: AuditRow): AuditHead => ({ chain, seq, at, hash });

function lookOver(rows: readonly AuditRow[], head: AuditHead | undefined, heads: readonly AuditHead[] = []): string[] {
  const check = new AuditCheck(heads);
  for (const row of rows) check.push(row);
  return check.end(head).map(({ kind, seq }) => `${kind} ${seq}`);
}

const rows = chainOf(5);
const [first, second, third, fourth, fifth] = rows as [AuditRow, AuditRow, AuditRow, AuditRow, AuditRow];
const head = headOf(fifth);

describe("a chain", () => {
  test("that nobody touched is whole, and so is an empty one", () => {
    expect(lookOver(rows, head, [headOf(third)])).toEqual([]);
    expect(lookOver([], undefined)).toEqual([]);
  });

  test("shows a changed row, whichever member it was", () => {
    for (const change of [
      { actor: "x" },
      { action: "x" },
      { target: "x" },
      { outcome: "denied" },
      { detail: {} },
      { at: "2026-01-01T00:00:03.001Z" },
      { chain: "8" },
    ])
      expect(lookOver([first, second, { ...third, ...change }, fourth, fifth], head)).toEqual(["changed 3"]);
  });

  test("shows a row that was written anew with a fitting hash, by the row after it", () => {
    const forged = { ...third, actor: "x" };
    expect(lookOver([first, second, { ...forged, hash: auditHash(forged) }, fourth, fifth], head)).toEqual(["unlinked 4"]);
  });

  test("shows rows that are gone, and rows that changed places", () => {
    expect(lookOver([first, third, fourth, fifth], head)).toEqual(["missing 3"]);
    expect(lookOver([second, third, fourth, fifth], head)).toEqual(["missing 2"]);
    expect(lookOver([first, third, second, fourth, fifth], head)).toContain("out_of_order 2");
    expect(lookOver([first, { ...third, seq: 2 }, { ...second, seq: 3 }, fourth, fifth], head)).toContain("changed 2");
  });

  test("shows an end that was cut off as long as anybody has its head", () => {
    expect(lookOver([first, second, third], head)).toEqual(["cut 4"]);
    expect(lookOver([first, second, third], headOf(third))).toEqual([]);
    expect(lookOver([first, second, third], headOf(third), [head])).toEqual(["cut 4"]);
    expect(lookOver([], undefined, [head])).toEqual(["cut 1"]);
  });

  test("that was written anew as a whole does not fit a head that was kept", () => {
    const anew = chainOf(5).map((row) => ({ ...row, actor: "x" }));
    let prev = NO_HASH;
    const forged = anew.map((row) => {
      const linked = { ...row, prev_hash: prev };
      prev = auditHash(linked);
      return { ...linked, hash: prev };
    });
    const [last] = forged.slice(-1);
    expect(lookOver(forged, last === undefined ? undefined : headOf(last))).toEqual([]);
    expect(lookOver(forged, last === undefined ? undefined : headOf(last), [headOf(third)])).toEqual(["rewritten 3"]);
  });

  test("may begin after a head that was kept, when old rows were let go", () => {
    expect(lookOver([third, fourth, fifth], head, [headOf(second)])).toEqual([]);
    expect(lookOver([third, fourth, fifth], head, [{ ...headOf(second), hash: NO_HASH }])).toEqual(["rewritten 3"]);
  });
});
