const ESCAPE = /\\(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2})|u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g;

/** What the letter after a backslash stands for; a letter that is not listed stands for itself. */
export type SimpleEscapes = ReadonlyMap<string, string>;

const COMMON = { n: "\n", t: "\t", r: "\r", "\n": "\n" };

export const PHP_ESCAPES: SimpleEscapes = new Map(Object.entries({ ...COMMON, v: "\v", e: "\x1b", f: "\f" }));
export const RUBY_ESCAPES: SimpleEscapes = new Map(Object.entries({ ...COMMON, v: "\v", e: "\x1b", f: "\f", a: "\x07", b: "\b", s: " ", "\n": "" }));
export const PERL_ESCAPES: SimpleEscapes = new Map(Object.entries({ ...COMMON, e: "\x1b", f: "\f", a: "\x07", b: "\b" }));
export const R_ESCAPES: SimpleEscapes = new Map(Object.entries({ ...COMMON, v: "\v", f: "\f", a: "\x07", b: "\b" }));

/**
 * The text that a double-quoted literal denotes. Numeric escapes are read as code points, as most languages do beyond ASCII.
 * @param keepsUnknown whether the backslash stays before a letter that has no meaning; quotes, `$`, `#`, `@` and the backslash lose it anyway
 */
export function decodeEscapes(text: string, simple: SimpleEscapes, keepsUnknown = false): string | undefined {
  let isKnown = true;
  const decoded = text.replace(
    ESCAPE,
    (whole: string, xBraced?: string, x?: string, uBraced?: string, u?: string, long?: string, octal?: string, letter?: string) => {
      const hex = xBraced ?? x ?? uBraced ?? u ?? long;
      const point = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : undefined;
      if (point === undefined) return simple.get(letter ?? "") ?? (keepsUnknown && /^[a-z]$/i.test(letter ?? "") ? whole : (letter ?? ""));
      if (point <= 0x10ffff) return String.fromCodePoint(point);
      isKnown = false;
      return "";
    },
  );
  return isKnown ? decoded : undefined;
}
