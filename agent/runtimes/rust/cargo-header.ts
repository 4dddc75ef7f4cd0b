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
/** Such as `[dependencies]`, `[dependencies.tokio]`, `[package]`. */
const SECTION = /^\[\s*(dependencies(?:\.[A-Za-z0-9_"-]+)?|package)\s*\]\s*(?:#.*)?$/;
/** Keys by which a crate would come from a place of the script's choice: registries are the operator's decision. */
const PLACE = /(?:^|[\s{,.])["']?(git|path|registry-index)["']?[ \t]*=/;
/** Other ways to write a key or a section than the two patterns know. */
const UNREADABLE = /\\|"""|'''/;
const MAX_LINE = 1_000;

/**
 * Reads the part of a Cargo.toml that stands between ```` ```cargo ```` and ```` ``` ```` in the `//!` lines at the top, as rust-script and
 * Windmill have it.
 */
export function readCargoHeader(code: string): CargoHeader | CargoHeaderProblem {
  const kept: string[] = [];
  let edition = DEFAULT_EDITION;
  let section = "";
  for (const line of manifestLines(code)) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    section = SECTION.exec(text)?.[1] ?? section;
    const fault = faultOf(text, section);
    if (fault !== undefined) return { kind: "problem", message: `${fault}: ${text.slice(0, 100)}` };
    if (section === "package") edition = EDITION.exec(text)?.[1] ?? edition;
    else kept.push(line);
  }
  return { kind: "header", manifest: kept.length === 0 ? "" : `${kept.join("\n")}\n`, edition };
}

/** @param section that the line is in, or begins */
function faultOf(text: string, section: string): string | undefined {
  if (text.length > MAX_LINE || UNREADABLE.test(text)) return "the cargo header may hold plain lines only";
  if (section === "" || (text.startsWith("[") && !SECTION.test(text))) return "the cargo header may hold [dependencies] and [package] only";
  const place = PLACE.exec(text)?.[1];
  return place === undefined ? undefined : `crates come from registries, not by \`${place}\``;
}

function manifestLines(code: string): string[] {
  const lines: string[] = [];
  let inside = false;
  for (const [at, line] of code.split(/\r?\n/).entries()) {
    if (at === 0 && isShebang(line)) continue;
    const text = /^\/\/! ?(.*)$/.exec(line.trimStart())?.[1];
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
  return new RegExp(String.raw`^[ \t]*(?:"?${crate}"?[ \t]*[.=]|\[[ \t]*dependencies\."?${crate}"?[ \t]*\])`, "m").test(manifest);
}
