import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { hasLongNumber, parseExactJson, withPlainNumbers } from "./exact-json.ts";

test("a run of sixteen digits is found wherever it is, and nothing else", () => {
  const part = fc.oneof(fc.stringMatching(/^[0-9]{1,17}$/), fc.constantFrom("", "a", '"', "/", ":", "٣"));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      expect(hasLongNumber(text)).toBe(/[0-9]{16}/.test(text));
    }),
    { numRuns: 2000 },
  );
});

test("large integers keep their digits through parse and stringify; everything else is as usual", () => {
  const text = '{"id":12345678901234567890,"list":[-9007199254740993,1.5,1e400],"small":7,"text":"12345678901234567890"}';
  const parsed = parseExactJson(text);
  expect(JSON.stringify(parsed)).toBe('{"id":12345678901234567890,"list":[-9007199254740993,1.5,null],"small":7,"text":"12345678901234567890"}');
  expect(parsed).toMatchObject({ small: 7, text: "12345678901234567890" });
});

test("a validator sees plain numbers", () => {
  const text = '{"id":12345678901234567890}';
  expect(withPlainNumbers(parseExactJson(text), text)).toEqual({ id: 12345678901234567000 });
});

test("a __proto__ key is refused", () => {
  expect(() => parseExactJson('{"__proto__":{"admin":true}}')).toThrow(/__proto__/);
});
