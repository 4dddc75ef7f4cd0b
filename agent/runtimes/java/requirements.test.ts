import { describe, expect, it } from "vitest";
import { parseMavenLock, pomOf, readRequirements } from "./requirements.ts";

const SUM = "0".repeat(64);

describe("the requirements of a Java script", () => {
  it("are the lines after their heading", () => {
    const code = "// a tool\n//requirements:\n//com.example:one:1.0\n// org.x-y:two_2:2.0.1-beta:linux\n\n// text\n//a:b:c\npublic class Main {}\n";
    expect(readRequirements(code)).toEqual([
      { group: "com.example", artifact: "one", version: "1.0", classifier: "" },
      { group: "org.x-y", artifact: "two_2", version: "2.0.1-beta", classifier: "linux" },
    ]);
    expect([readRequirements("//com.example:one:1.0\n"), readRequirements("class Main {}\n//requirements:\n//a:b:1\n")]).toEqual([[], []]);
  });

  it("become a project", () => {
    const pom = pomOf([{ group: "g", artifact: "a", version: "1", classifier: "x" }], true);
    expect(pom).toContain("<groupId>g</groupId><artifactId>a</artifactId><version>1</version><classifier>x</classifier><exclusions>");
  });
});

describe("the lock of a Java script", () => {
  it("has a checksum and a place for each jar", () => {
    expect(parseMavenLock(`${SUM}  com/example/one/1.0/one-1.0.jar\n${SUM}  g/two/2/two-2-linux.jar\n`)).toEqual([
      { group: "com.example", artifact: "one", version: "1.0", classifier: "" },
      { group: "g", artifact: "two", version: "2", classifier: "linux" },
    ]);
  });

  it.each([
    `${SUM}  ../../etc/x/y.jar`,
    `${SUM}  /etc/a/b/b-1.jar`,
    `${SUM}  g/a/1/other-1.jar`,
    `${SUM}  g/a/1/a-1x.jar`,
    `${SUM}  g/a/1/a-1.jar; rm`,
    `${SUM}  g/<a>/1/<a>-1.jar`,
    "xyz  g/a/1/a-1.jar",
  ])("is refused when it holds %j", (line) => {
    expect(parseMavenLock(`${line}\n`)).toBeUndefined();
  });
});
