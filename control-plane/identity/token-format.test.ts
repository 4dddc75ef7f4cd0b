import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { generateToken, parseBearer, sameHash } from "./token-format.ts";

test("a new token has the documented form and is read back with the same hash", () => {
  for (const kind of ["admin", "workspace", "agent", "personal", "service", "session", "invitation"] as const) {
    const token = generateToken(kind);
    expect(token.text).toMatch(/^mr_(adm|wks|agt|pat|svc|ses|inv)_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
    const parsed = parseBearer(token.text);
    expect(parsed).toMatchObject({ kind, id: token.id });
    expect(sameHash(parsed?.secretHash ?? Buffer.alloc(0), token.secretHash)).toBe(true);
  }
});

test("any change of one character is noticed without asking the database", () => {
  const { text } = generateToken("workspace");
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom(..."abcXYZ019_"), (at, character) => {
      fc.pre(text[at] !== character);
      expect(parseBearer(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined();
    }),
  );
});

test("tokens do not repeat", () => {
  expect(new Set(Array.from({ length: 1000 }, () => generateToken("agent").id)).size).toBe(1000);
});
