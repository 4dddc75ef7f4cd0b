/**
 * The value of a number as most languages write it: digits with `_` between them, `0x`, `0o`, `0b`, a leading zero for octal, fractions, exponents.
 * Undefined for what JSON readers would round or cannot say.
 */
export function numberOf(text: string): number | undefined {
  const digits = text.replaceAll("_", "");
  if (digits.length > 40) return undefined;
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isFinite(value) || digits === "") return undefined;
  return !Number.isInteger(value) || Number.isSafeInteger(value) ? value : undefined;
}

/** Minus nought is nought in JSON. */
export function negated(value: number): number {
  return value === 0 ? 0 : -value;
}
