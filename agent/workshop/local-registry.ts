/** Support for tests: a registry for Python and npm packages on the loopback of this machine, with packages made here. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";

export interface LocalRegistry {
  readonly url: string;
  /** What was asked for, in order. */
  readonly requests: string[];
  /** Adds a wheel with one module. */
  addWheel(name: string, version: string, module: string, code: string, requires?: readonly string[]): void;
  /** Adds a file as it is, for the page of a Python package. */
  addPythonFile(project: string, file: string, content: Buffer): void;
  addNpm(name: string, version: string, files: Readonly<Record<string, string>>, manifest?: Readonly<Record<string, unknown>>): void;
  /** Requests for this package are never answered. */
  hang(name: string): void;
  /** What is served from now on in the place of a file. */
  replace(file: string, content: Buffer): void;
  close(): Promise<void>;
}

interface NpmVersion {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly file: string;
  readonly integrity: string;
}

export async function openLocalRegistry(): Promise<LocalRegistry> {
  const files = new Map<string, Buffer>();
  const projects = new Map<string, { file: string; sha256: string }[]>();
  const packages = new Map<string, Map<string, NpmVersion>>();
  const requests: string[] = [];
  const hanging = new Set<string>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/");
    requests.push(path);
    const [, area = "", name = ""] = /^\/(simple|files|npm)\/(.+?)\/?$/.exec(path) ?? [];
    if (hanging.has(name)) return;
    const body = area === "simple" ? pageOf(projects.get(name)) : area === "files" ? files.get(name) : packumentOf(packages.get(name), name);
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": area === "simple" ? "text/html" : area === "npm" ? "application/json" : "application/octet-stream",
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
  const packumentOf = (versions: Map<string, NpmVersion> | undefined, name: string): string | undefined => {
    if (versions === undefined) return undefined;
    const entries = [...versions].map(
      ([version, one]) => [version, { ...one.manifest, dist: { tarball: `${url}/files/${one.file}`, integrity: one.integrity } }] as const,
    );
    return JSON.stringify({ name, "dist-tags": { latest: entries.at(-1)?.[0] }, versions: Object.fromEntries(entries) });
  };
  const addPythonFile = (project: string, file: string, content: Buffer): void => {
    files.set(file, content);
    projects.set(project, [...(projects.get(project) ?? []), { file, sha256: createHash("sha256").update(content).digest("hex") }]);
  };
  return {
    url,
    requests,
    addPythonFile,
    addWheel: (name, version, module, code, requires = []) =>
      addPythonFile(name, wheelName(name, version), wheel(name, version, { [`${module}.py`]: code }, requires)),
    addNpm: (name, version, content, extra = {}) => {
      const manifest = { name, version, type: "module", main: "index.js", ...extra };
      const file = `${name.replace("/", "-")}-${version}.tgz`;
      const data = tarball({ "package/package.json": JSON.stringify(manifest), ...prefixed(content) });
      files.set(file, data);
      const integrity = `sha512-${createHash("sha512").update(data).digest("base64")}`;
      packages.set(name, (packages.get(name) ?? new Map<string, NpmVersion>()).set(version, { manifest, file, integrity }));
    },
    hang: (name) => void hanging.add(name),
    replace: (file, content) => void files.set(file, content),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pageOf(entries: readonly { file: string; sha256: string }[] | undefined): string | undefined {
  return entries?.map(({ file, sha256 }) => `<a href="/files/${file}#sha256=${sha256}">${file}</a>`).join("\n");
}

function prefixed(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name.startsWith("/") || name.startsWith("..") ? name : `package/${name}`, text]));
}

export function wheelName(name: string, version: string): string {
  return `${name.replaceAll("-", "_")}-${version}-py3-none-any.whl`;
}

export function wheel(name: string, version: string, files: Readonly<Record<string, string>>, requires: readonly string[] = []): Buffer {
  const info = `${name.replaceAll("-", "_")}-${version}.dist-info`;
  const metadata = [`Metadata-Version: 2.1`, `Name: ${name}`, `Version: ${version}`, ...requires.map((one) => `Requires-Dist: ${one}`), "", ""].join("\n");
  const all = {
    ...files,
    [`${info}/METADATA`]: metadata,
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  };
  const record = [...Object.keys(all), `${info}/RECORD`].map((path) => `${path},,`).join("\n");
  return zip({ ...all, [`${info}/RECORD`]: `${record}\n` });
}

/** A zip archive; names are taken as they are. */
export function zip(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const packed = deflateRawSync(data);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(0x00210000, 6);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\u0001\u0002"), Buffer.from([20, 3]), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, listing, Buffer.from("PK\u0005\u0006"), end]);
}

/** A gzipped tar archive; names are taken as they are. */
export function tarball(files: Readonly<Record<string, string>>): Buffer {
  return gzipSync(tar(files));
}

export function tar(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).map(([name, text]) => {
    const data = Buffer.from(text);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\u000000", 257);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  });
  return Buffer.concat([...entries, Buffer.alloc(1_024)]);
}
