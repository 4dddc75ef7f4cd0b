import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { decodeName, NameBook, safeSegment } from "./names.ts";

const segment = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
  fc.constantFrom(".", "..", ".git", "...", "a.", "CON", "nul.x", "com1", "node_modules", "venv", "x.flow", "y__flow", ".flow", "A", "a"),
);

describe("names of files for paths", () => {
  it("leaves ordinary names alone and escapes what means something else", () => {
    const of = (text: string, isFolder = true): string => safeSegment(text, isFolder);
    expect(["orders", "a.b", "A-1_x"].map((text) => of(text))).toEqual(["orders", "a.b", "A-1_x"]);
    expect([".", "..", ".git", "a.", "con", "Nul.txt", "LPT1"].map((text) => of(text))).toEqual([
      "%2E",
      "%2E%2E",
      "%2Egit",
      "a%2E",
      "%63on",
      "%4Eul.txt",
      "%4CPT1",
    ]);
    expect(["node_modules", "x.flow", "y__flow"].map((text) => [of(text), of(text, false)])).toEqual([
      ["%6Eode_modules", "node_modules"],
      ["x%2Eflow", "x.flow"],
      ["y%5F_flow", "y__flow"],
    ]);
  });

  it("keeps apart on every file system what differs in capitals alone, and keeps files that are there", () => {
    const book = new NameBook(["f/Kept/x.py"]);
    expect(["f/A/x", "f/Kept/x", "f/a/y", "f/kept/x"].map((path) => book.stem(path, [".py"]))).toEqual(["f/A/x", "f/Kept/x", "f/%61/y", "f/%6Bept/x"]);
    const files = new NameBook([]);
    expect(["f/AB", "f/Ab", "f/aB", "f/ab"].map((path) => files.stem(path, [".py"]))).toEqual(["f/AB", "f/%41b", "f/a%42", "f/%61b"]);
    expect(files.stem("f/ab", [".flow.json"])).toBe("f/ab");
  });

  it("says when a name would be too long", () => {
    expect(new NameBook([]).stem(`f/${"x".repeat(240)}`, [".py"])).toBeUndefined();
  });

  it("gives any set of paths different, harmless names that lead back to them", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
          { maxLength: 25 },
        ),
        (paths) => {
          const book = new NameBook([]);
          const sorted = [...paths].sort();
          const stems = sorted.map((path) => book.stem(path, [".py"]) ?? "");
          expect(new Set(stems.map((stem) => stem.toLowerCase())).size).toBe(paths.length);
          for (const [at, stem] of stems.entries()) {
            const names = stem.split("/");
            expect(names.map(decodeName).join("/")).toBe(sorted[at]);
            for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_%-]([A-Za-z0-9_.%-]*[A-Za-z0-9_%-])?$/);
            for (const folder of names.slice(0, -1)) expect(folder).not.toMatch(/(\.flow|__flow)$|^(node_modules|venv|__pycache__)$/i);
          }
        },
      ),
    );
  });

  it("takes an escape that is none for no name of ours", () => {
    expect(["%4", "%zz", "a%"].map(decodeName)).toEqual([undefined, undefined, undefined]);
  });
});
