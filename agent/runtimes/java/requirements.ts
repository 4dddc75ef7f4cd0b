/** A jar in a Maven repository. */
export interface MavenArtifact {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly classifier: string;
}

const PART = "[A-Za-z0-9][A-Za-z0-9._+-]{0,150}";
const REQUIREMENT = new RegExp(`^//\\s*(${PART}):(${PART}):(${PART})(?::(${PART}))?\\s*$`);
const LOCKED = new RegExp(`^[0-9a-f]{64} {2}((?:${PART}/){3,20}${PART}\\.jar)$`);
const MAX_LINES = 2_000;

/** The lines `//group:artifact:version` after `//requirements:` at the top of a script, as Windmill has them. */
export function readRequirements(code: string): MavenArtifact[] {
  const found: MavenArtifact[] = [];
  let inside = false;
  for (const line of code.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    if (!line.startsWith("//")) break;
    if (/^\/\/\s*requirements:\s*$/.test(line)) inside = true;
    else if (inside) {
      const [, group, artifact, version, classifier = ""] = REQUIREMENT.exec(line) ?? [];
      if (group === undefined || artifact === undefined || version === undefined) break;
      found.push({ group, artifact, version, classifier });
    }
  }
  return found;
}

/**
 * The jars of a lock: one line each, checksum and place in the repository, such as `…  com/example/tool/1.0/tool-1.0.jar`.
 * @returns undefined when it is no such text
 */
export function parseMavenLock(lock: string): MavenArtifact[] | undefined {
  const lines = lock.split("\n").filter((line) => line !== "");
  const found = lines.slice(0, MAX_LINES).map((line) => fromPath(LOCKED.exec(line)?.[1] ?? ""));
  return lines.length > MAX_LINES || found.includes(undefined) ? undefined : found.filter((one) => one !== undefined);
}

function fromPath(path: string): MavenArtifact | undefined {
  const parts = path.split("/");
  const [file = "", version = "", artifact = ""] = parts.slice(-3).reverse();
  const group = parts.slice(0, -3).join(".");
  const stem = `${artifact}-${version}`;
  const rest = file.slice(stem.length, -".jar".length);
  if (group === "" || !file.startsWith(stem) || (rest !== "" && !rest.startsWith("-"))) return undefined;
  return { group, artifact, version, classifier: rest.slice(1) };
}

/** @param alone every jar stands for itself: what it needs in turn is left out, since the list is complete */
export function pomOf(artifacts: readonly MavenArtifact[], alone: boolean): string {
  const exclusions = alone ? "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>" : "";
  const dependencies = artifacts.map(({ group, artifact, version, classifier }) => {
    const more = classifier === "" ? "" : `<classifier>${classifier}</classifier>`;
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${more}${exclusions}</dependency>`;
  });
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "<modelVersion>4.0.0</modelVersion>",
    "<groupId>millrace</groupId><artifactId>job</artifactId><version>1</version><packaging>pom</packaging>",
    `<dependencies>${dependencies.join("\n")}</dependencies>`,
    "</project>\n",
  ].join("\n");
}
