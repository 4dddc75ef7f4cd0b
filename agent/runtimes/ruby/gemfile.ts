/**
 * Begins every Gemfile that is made here. A script may name the registry that RubyGems knows by itself and those that the operator lists in
 * `GEM_SOURCES`; that goes for its lock too.
 */
const SOURCES = `known = [*ENV.fetch("GEM_SOURCES", "").split, Gem::DEFAULT_HOST]
allowed = lambda do |address|
  raise "the source #{address} is not one that this agent may ask" unless known.any? { |one| one.chomp("/") == address.chomp("/") }
  address
end
if File.exist?("Gemfile.lock")
  File.foreach("Gemfile.lock") do |line|
    raise "gems can come from a registry only" if line.match?(/^(?:GIT|PATH|PLUGIN SOURCE)/)
    allowed.call($1) if line =~ /^  remote: (.*)/
  end
end
`;

/** What a Ruby script declares between `gemfile do` and `end`. */
export type Declared =
  | { readonly kind: "none" }
  /** `text`: a Gemfile made anew of nothing but literals. `native`: gems that may build native code. */
  | { readonly kind: "gemfile"; readonly text: string; readonly native: readonly string[] }
  | { readonly kind: "fault"; readonly message: string };

const BEGIN = /^\s*gemfile\b[^#]*\bdo\s*(?:#.*)?$/;
const NATIVE = /^\s*#\s*native gems?:\s*(.+)$/;
const BLOCK = /^(?:group|platforms?|install_if)\b.*\bdo$/;
const SOURCE = /^source\s*\(?\s*(["'])([^"'#\\\s]{1,500})\1\s*\)?(\s+do)?$/;
const GEM =
  /^gem\s*\(?\s*(["'])([A-Za-z0-9][A-Za-z0-9_.-]{0,100})\1((?:\s*,\s*(["'])[A-Za-z0-9 ~<>=!.,-]{1,60}\4)*)((?:\s*,\s*(?:require:|:?require\s*=>)\s*[^,]+)?)\s*\)?$/;
const RUBY_VERSION = /^ruby\b/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$/;
/** What is longer is no declaration, and would take the patterns above long to find out. */
const MAX_LINE = 1_000;

/**
 * Reads the gems of a script. A Gemfile is a program of its own, and the build that reads it holds the operator's credentials for
 * registries: so only `source` and `gem` with literal names and versions are understood, and Bundler gets what was understood. The option
 * `require` is for the wrapper; others (Git, paths) are refused.
 */
export function readGemfile(code: string): Declared {
  const lines = code.split(/\r?\n/);
  const start = lines.findIndex((line) => BEGIN.test(line));
  if (start === -1) return { kind: "none" };
  const out: string[] = [];
  let depth = 1;
  let at = start;
  while (depth > 0) {
    at += 1;
    const raw = lines[at];
    if (raw === undefined) return { kind: "fault", message: `line ${start + 1}: the block of gemfile does not end` };
    const line = withoutComment(raw).trim();
    if (line === "" || RUBY_VERSION.test(line)) continue;
    const change = line.length > MAX_LINE ? undefined : declare(line, out);
    if (change === undefined) {
      return {
        kind: "fault",
        message: `line ${at + 1}: only source and gem with names and versions in quotes can be used here, not \`${line.slice(0, 100)}\``,
      };
    }
    depth += change;
  }
  if (!out.some((line) => line.startsWith("source"))) out.unshift("source known.first");
  return { kind: "gemfile", text: `${SOURCES}${out.join("\n")}\n`, native: nativeGems(lines) };
}

/** @returns by how much the block nests deeper, or undefined for what is not understood */
function declare(line: string, out: string[]): number | undefined {
  if (line === "end") return -1;
  if (BLOCK.test(line)) return 1;
  const source = SOURCE.exec(line);
  if (source !== null) {
    // With a block it would only say where some of the gems are; Bundler finds them among all sources.
    out.push(`source allowed.call("${source[2]}")`);
    return source[3] === undefined ? 0 : 1;
  }
  const gem = GEM.exec(line);
  if (gem === null) return undefined;
  out.push(`gem "${gem[2]}"${(gem[3] ?? "").replaceAll("'", '"')}, require: false`);
  return 0;
}

function withoutComment(line: string): string {
  // No literal that is understood holds a `#`.
  const at = line.indexOf("#");
  return at === -1 ? line : line.slice(0, at);
}

function nativeGems(lines: readonly string[]): string[] {
  return lines.flatMap((line) => (NATIVE.exec(line)?.[1] ?? "").split(/[\s,]+/).filter((name) => NAME.test(name)));
}
