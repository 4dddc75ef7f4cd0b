// Names of files for paths. A path may hold what a file system, another tool or this one takes for something else: such characters are written as %XX,
// which no path contains.

/** Folders that a deploy does not look into. */
const LEFT_OUT = new Set(["node_modules", "__pycache__", "venv"]);
/** Windows takes these for devices, with whatever extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;
/** Such a folder is a flow with its code. */
const FLOW_FOLDER = /(?:\.flow|__flow)$/i;
/** What file systems allow a name, less the longest suffix. */
const MAX_CHARS = 235;

const escaped = (text: string): string => [...text].map((character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`).join("");

/** One segment of a path as the name of a folder, or as that of a file without its suffix. */
export function safeSegment(segment: string, isFolder: boolean): string {
  let name = segment.replace(/^\.+/, escaped).replace(/\.+$/, escaped);
  if (DEVICE.test(name) || (isFolder && LEFT_OUT.has(name.toLowerCase()))) name = `${escaped(name.slice(0, 1))}${name.slice(1)}`;
  return isFolder ? name.replace(FLOW_FOLDER, (end) => `${escaped(end.slice(0, 1))}${end.slice(1)}`) : name;
}

/** The segment of a path that a name stands for; undefined when it has an escape that is none. */
export function decodeName(name: string): string | undefined {
  if (!name.includes("%")) return name;
  if (/%(?![0-9A-Fa-f]{2})/.test(name)) return undefined;
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Names below one folder; file systems without capital letters are reckoned with. */
interface Folder {
  /** By the name in small letters: the names that are there. */
  readonly names: Map<string, string>;
  readonly folders: Map<string, Folder>;
}

/** Gives paths names that do not get in each other's way, also where capital and small letters are the same. */
export class NameBook {
  readonly #root: Folder = { names: new Map(), folders: new Map() };

  /** @param present files that are there already, by path from the folder: their names stay as they are */
  constructor(present: readonly string[]) {
    for (const file of present) {
      const names = file.split("/");
      let folder = this.#root;
      names.forEach((name, at) => {
        folder.names.set(name.toLowerCase(), name);
        if (at < names.length - 1) folder = below(folder, name);
      });
    }
  }

  /**
   * The file of a path, without its suffix. Asked in the order of paths it gives the same names each time.
   * @param path below the folder
   * @param suffixes of all files that it will have: their names are taken
   * @returns undefined when a name would be longer than file systems allow
   */
  stem(path: string, suffixes: readonly string[]): string | undefined {
    const segments = path.split("/");
    const names: string[] = [];
    let folder = this.#root;
    for (const [at, segment] of segments.entries()) {
      const isFolder = at < segments.length - 1;
      const ends = isFolder ? [""] : suffixes;
      const name = freeName(folder, safeSegment(segment, isFolder), ends);
      if (name.length > MAX_CHARS) return undefined;
      for (const end of ends) folder.names.set(`${name}${end}`.toLowerCase(), `${name}${end}`);
      names.push(name);
      if (isFolder) folder = below(folder, name);
    }
    return names.join("/");
  }
}

function below(folder: Folder, name: string): Folder {
  const known = folder.folders.get(name) ?? { names: new Map(), folders: new Map() };
  folder.folders.set(name, known);
  return known;
}

/** Where the name is there with other capitals: first with its capitals escaped, and if it has none, with its first character. */
function freeName(folder: Folder, name: string, ends: readonly string[]): string {
  const isFree = (wanted: string): boolean =>
    ends.every((end) => {
      const there = folder.names.get(`${wanted}${end}`.toLowerCase());
      return there === undefined || there === `${wanted}${end}`;
    });
  if (isFree(name)) return name;
  const small = name.replace(/%[0-9A-F]{2}|[A-Z]/g, (part) => (part.startsWith("%") ? part : escaped(part)));
  return small === name ? `${escaped(name.slice(0, 1))}${name.slice(1)}` : small;
}
