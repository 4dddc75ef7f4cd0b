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

/** The same as steps of one script. */
export function codeOf(language: Language): string {
  if (language === "python") {
    return `import millrace

${FIB.python}
def main(count: int, n: int, way: str):
    step = lambda: millrace.step("fib", lambda: fib(n))
    if way == "at_once":
        millrace.parallel([step] * count)
    else:
        for _ in range(count):
            step()
`;
  }
  return `import { parallel, step } from "millrace";

${FIB.typescript}
export async function main(count: number, n: number, way: string) {
  const one = () => step("fib", () => fib(n));
  if (way === "at_once") await parallel(Array.from({ length: count }, () => one), { limit: count });
  else for (let at = 0; at < count; at++) await one();
}
`;
}
