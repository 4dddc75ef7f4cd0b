import { z } from "zod";
import type { StepStamps } from "../load/step-parts.ts";

export const LANGUAGES = ["python", "typescript"] as const;
export type Language = (typeof LANGUAGES)[number];

const FIB: Readonly<Record<Language, string>> = {
  python: "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n",
  typescript: "const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));\n",
};

/** A step of a flow. */
export function scriptOf(language: Language): string {
  return FIB[language] + (language === "python" ? "\ndef main(n: int):\n    return fib(n)\n" : "\nexport function main(n: number) {\n  return fib(n);\n}\n");
}

/** The same as steps of one script, which returns when each of them began and ended. */
export function codeOf(language: Language): string {
  if (language === "python") {
    return `import time

import millrace

${FIB.python}
def main(count: int, n: int, way: str):
    stamps = []

    def work():
        begun = time.time() * 1000
        value = fib(n)
        stamps.append([begun, time.time() * 1000])
        return value

    step = lambda: millrace.step("fib", work)
    if way == "at_once":
        millrace.parallel([step] * count)
    else:
        for _ in range(count):
            step()
    return stamps
`;
  }
  return `import { parallel, step } from "millrace";

${FIB.typescript}
const nowMs = () => performance.timeOrigin + performance.now();

export async function main(count: number, n: number, way: string) {
  const stamps: number[][] = [];
  const work = () => {
    const begun = nowMs();
    const value = fib(n);
    stamps.push([begun, nowMs()]);
    return value;
  };
  const one = () => step("fib", work);
  if (way === "at_once") await parallel(Array.from({ length: count }, () => one), { limit: count });
  else for (let at = 0; at < count; at++) await one();
  return stamps;
}
`;
}

const stamps = z.array(z.tuple([z.number(), z.number()]));

/** What such a script returned, in the order of the beginnings; milliseconds since the epoch. */
export const readStamps = (result: unknown): StepStamps[] => stamps.parse(result).toSorted(([a], [b]) => a - b);
