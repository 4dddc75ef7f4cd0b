import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { MAX_BYTES, MIN_BYTES } from "./mask-patterns.ts";
import { MASK, SecretMask } from "./secret-mask.ts";

function masked(secrets: readonly string[], pieces: readonly string[]): string {
  const mask = new SecretMask();
  mask.add(secrets);
  return Buffer.concat([...pieces.map((piece) => mask.write(0, Buffer.from(piece))), mask.end(0)]).toString();
}

describe("a secret in the output", () => {
  test("is masked wherever the output is cut", () => {
    const text = "before hunter2-hunter2 and hunter2-hunter after";
    for (let first = 0; first <= text.length; first++)
      for (let second = first; second <= text.length; second++)
        expect(masked(["hunter2-hunter2"], [text.slice(0, first), text.slice(first, second), text.slice(second)])).toBe("before *** and hunter2-hunter after");
  });

  test("is masked byte by byte, and leaves everything else as it is", () => {
    const text = "xsecretsecret secre sesecret\n";
    expect(masked(["secret"], [...text])).toBe("x*** secre se***\n");
  });

  test("is masked when it overlaps another one, whole and once", () => {
    const pieces = [..."..abcdefghi..abcdef..defghi.."];
    expect(masked(["abcdef", "defghi"], pieces)).toBe("..***..***..***..");
    expect(masked(["abcdef", "abcdefghi"], [..."abcdefgh abcdefghi abcdef"])).toBe("***gh *** ***");
    expect(masked(["abcdefghijkl", "cdefgh"], ["abcdefgh", "x"])).toBe("ab***x");
  });

  test("is masked in the encodings that tools use", () => {
    const secret = 'pa"ss wörd/+&';
    const [b64, url] = [Buffer.from(secret).toString("base64"), encodeURIComponent(secret)];
    const inside = Buffer.from(`user:${secret}`).toString("base64");
    const mask = new SecretMask();
    mask.add([secret]);
    for (const form of [
      secret,
      JSON.stringify(secret).slice(1, -1),
      b64,
      url,
      Buffer.from(secret).toString("hex"),
      new URLSearchParams({ a: secret }).toString(),
    ]) {
      const out = mask.text(`<${form}>`);
      expect(out).toContain(MASK);
      expect(out).not.toContain(form.slice(4, 14));
    }
    expect(mask.text(inside)).toMatch(/^dXNlcj\S{0,3}\*\*\*\S{0,3}$/);
    expect(mask.text("nothing of it")).toBe("nothing of it");
  });

  test("of several lines is masked line by line too, its frame is not", () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n";
    expect(masked([key], ["line: BAQEFAASCBKcwggSjAgEAAoIB\n-----BEGIN KEY-----\n"])).toBe("line: ***\n-----BEGIN KEY-----\n");
    expect(masked([key], [`${key}done`])).toBe("***\ndone");
  });

  test("that is very long becomes one mask, and a large part of it one too", () => {
    const long = randomBytes(3000).toString("base64url");
    expect(masked([long], [`a${long}b`])).toBe("a***b");
    expect(masked([long], [...`a${long}b`])).toBe("a***b");
    expect(masked([long], [long.slice(0, MAX_BYTES)])).toBe(MASK);
  });

  test("is masked among very many, plain ones first, and their number is bounded", () => {
    const secrets = Array.from({ length: 6000 }, (_, at) => `secret-number-${at}-x`);
    const mask = new SecretMask();
    mask.add(secrets);
    expect(mask.text("secret-number-0-x secret-number-4999-x secret-number-5999-x")).toBe("*** *** secret-number-5999-x");
    const few = new SecretMask();
    for (const secret of secrets.slice(0, 100)) few.add([secret]);
    expect(few.text(`${Buffer.from("secret-number-99-x").toString("hex")} secret-number-99-x`)).toBe("*** ***");
  });

  test("that is shorter than six bytes is not masked", () => {
    expect(masked(["x".repeat(MIN_BYTES - 1), "", "  "], ["xxxxx"])).toBe("xxxxx");
    expect(masked(["x".repeat(MIN_BYTES)], ["xxxxxx"])).toBe(MASK);
  });

  test("is masked from the moment on at which it became known, in every stream for itself", () => {
    const mask = new SecretMask();
    expect(mask.write(0, Buffer.from("topsecret ")).toString()).toBe("topsecret ");
    mask.add(["topsecret"]);
    expect(mask.write(0, Buffer.from("tops")).toString()).toBe("");
    expect(mask.write(1, Buffer.from("ecret\n")).toString()).toBe("ecret\n");
    expect(mask.write(0, Buffer.from("ecret\n")).toString()).toBe("***\n");
    mask.add(["another"]);
    expect(mask.write(1, Buffer.from("another topsecret")).toString()).toBe("*** ***");
  });

  test("is masked in the texts of JSON, which stays JSON", () => {
    const mask = new SecretMask();
    mask.add(['quo"te\nline-two']);
    expect(mask.json(JSON.stringify({ error: { message: 'it was quo"te\nline-two!' }, n: 1 }))).toBe('{"error":{"message":"it was ***!"},"n":1}');
    expect(mask.json("no JSON: line-two")).toBe("no JSON: ***");
  });
});

test("however secrets and output look and are cut, none is left and nothing else is lost", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: MIN_BYTES, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c", "-"), maxLength: 12 })),
      (secrets, pieces) => {
        const text = pieces.join("");
        const hidden = new Array<boolean>(text.length).fill(false);
        for (const secret of secrets)
          for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) hidden.fill(true, at, at + secret.length);
        let expected = "";
        for (const [at, character] of [...text].entries())
          if (hidden[at] !== true) expected += character;
          else if (hidden[at - 1] !== true) expected += MASK;
        expect(masked(secrets, pieces)).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});
