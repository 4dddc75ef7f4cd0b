/** What a PHP script needs from Composer, as it says in its comments. */
export type Requirements = { readonly kind: "packages"; readonly packages: ReadonlyMap<string, string> } | { readonly kind: "fault"; readonly message: string };

const HEADER = /^\s*(?:<\?php\s+)?(?:\/\/|#)\s*require:(.*)$/;
const COMMENT = /^\s*(?:\/\/|#)\s*(\S.*)$/;
const PACKAGE = /^([a-z0-9][a-z0-9_.-]*\/[a-z0-9][a-z0-9_.-]*)(?:\s*[@:]\s*|\s+)?(.*)$/;
const CONSTRAINT = /^[A-Za-z0-9*^~<>=!|., @-]{1,100}$/;
const MAX_PACKAGES = 200;

/**
 * Reads the packages after `// require:`, either on the same line with commas between them or on comment lines of their own, up to the first
 * line that is something else: `// vendor/name@^2.0`. Without a version any is right.
 */
export function readRequirements(code: string): Requirements {
  const packages = new Map<string, string>();
  const lines = code.split(/\r?\n/);
  const start = lines.findIndex((line) => HEADER.test(line));
  if (start === -1) return { kind: "packages", packages };
  const onLine = HEADER.exec(lines[start] ?? "")?.[1] ?? "";
  const declared = onLine.split(",").map((text) => ({ text, line: start + 1 }));
  if (onLine.trim() === "") {
    for (const [index, line] of lines.slice(start + 1).entries()) {
      const comment = COMMENT.exec(line);
      if (comment === null) break;
      declared.push({ text: comment[1] ?? "", line: start + 2 + index });
    }
  }
  for (const { text, line } of declared) {
    if (text.trim() === "") continue;
    const found = PACKAGE.exec(text.trim());
    const version = found?.[2]?.trim() || "*";
    if (found?.[1] === undefined || !CONSTRAINT.test(version)) {
      return { kind: "fault", message: `line ${line}: \`${text.trim().slice(0, 100)}\` is not a package; packages look like vendor/name@^1.2` };
    }
    packages.set(found[1], version);
  }
  if (packages.size > MAX_PACKAGES) return { kind: "fault", message: `more than ${MAX_PACKAGES} packages` };
  return { kind: "packages", packages };
}
