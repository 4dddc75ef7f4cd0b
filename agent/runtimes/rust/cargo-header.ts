/** What a Rust script says about its crates in the comment at its top. */
export interface CargoHeader {
  readonly kind: "header";
  /** Text for a manifest: dependencies. Empty when the script names none. */
  readonly manifest: string;
  readonly edition: string;
}

export interface CargoHeaderProblem {
  readonly kind: "problem";
  readonly message: string;
}

const DEFAULT_EDITION = "2021";
const EDITION = /^edition\s*=\s*"(2018|2021|2024)"\s*$/;
const SECTION = /^\s*\[\s*(.+?)\s*\]\s*(?:#.*)?$/;
/** Such as `[dependencies]`, `[dependencies.tokio]`. */
const ALLOWED = /^dependencies(?:\.[A-Za-z0-9_"-]+)?$/;

/**
 * Reads the part of a Cargo.toml that stands between ```` ```cargo ```` and ```` ``` ```` in the `//!` lines at the top, as rust-script and
 * Windmill have it.
 */
export function readCargoHeader(code: string): CargoHeader | CargoHeaderProblem {
  const kept: string[] = [];
  let edition = DEFAULT_EDITION;
  let section = "";
  for (const line of manifestLines(code)) {
    const [, found] = SECTION.exec(line) ?? [];
    if (found !== undefined) {
      if (found !== "package" && !ALLOWED.test(found))
        return { kind: "problem", message: `the cargo header may hold [dependencies] and [package], not [${found}]` };
      section = found;
    }
    if (section === "package") edition = EDITION.exec(line.trim())?.[1] ?? edition;
    else if (section !== "" || line.trim() !== "") kept.push(line);
  }
  return { kind: "header", manifest: kept.length === 0 ? "" : `${kept.join("\n")}\n`, edition };
}

function manifestLines(code: string): string[] {
  const lines: string[] = [];
  let inside = false;
  for (const [at, line] of code.split(/\r?\n/).entries()) {
    if (at === 0 && isShebang(line)) continue;
    const [, text] = /^\s*\/\/! ?(.*)$/.exec(line) ?? [];
    if (text === undefined) {
      if (line.trim() === "") continue;
      break;
    }
    if (!inside) inside = text.trim() === "```cargo";
    else if (text.trim() === "```") break;
    else lines.push(text);
  }
  return lines;
}

/** `#!/usr/bin/env rust-script`, not `#![allow(…)]`. */
export function isShebang(line: string): boolean {
  return line.startsWith("#!") && !/^#!\s*\[/.test(line);
}

/** Whether a manifest names a crate itself. */
export function namesCrate(manifest: string, crate: string): boolean {
  return new RegExp(String.raw`^\s*(?:"?${crate}"?\s*[.=]|\[\s*dependencies\.\s*"?${crate}"?\s*\])`, "m").test(manifest);
}
