import { describe, expect, it } from "vitest";
import { processorMs } from "../../../kernel/processor-time.fixture.ts";
import { initialGoMod, parseGoLock } from "./go-lock.ts";
import { asInnerPackage, isThirdParty, readGoHeader } from "./source.ts";

describe("the header of a Go file", () => {
  it("has imports in every form, and nothing of what comes after them", () => {
    const code = [
      "// package fake",
      '/* import "fake" */ package /* here */ main // end',
      'import "fmt"; import m "math"',
      "import (",
      '  _ "a.example/one" // why',
      "  . `b.example/two/v2`",
      '  "strings"; "os"',
      ")",
      "var text = `",
      'import "no.example/three"',
      "`",
    ].join("\n");
    const header = readGoHeader(code);
    expect(header.imports).toEqual(["fmt", "math", "a.example/one", "b.example/two/v2", "strings", "os"]);
    expect(header.imports.filter((path) => isThirdParty(path))).toEqual(["a.example/one", "b.example/two/v2"]);
    expect(asInnerPackage(code, header).split("\n")[1]).toBe('/* import "fake" */ package /* here */ inner // end');
  });

  it("has versions in lines that say require", () => {
    const code =
      "//require a.example/one v1.2.3\r\n// require b.example/two v2.0.0+incompatible\n//require bad line here\n//require c.example/x latest\npackage x\n";
    expect(readGoHeader(code).requires).toEqual([
      { module: "a.example/one", version: "v1.2.3" },
      { module: "b.example/two", version: "v2.0.0+incompatible" },
    ]);
  });

  it.each(["", "package", "packag x", 'import "fmt"', '"', "/*", "\ufeffpackage äß\nimport (", "package 1"])("may be broken: %j", (code) => {
    const header = readGoHeader(code);
    expect(header.imports).toEqual([]);
    expect(asInnerPackage(code, header)).toBe(code.replace("äß", "inner"));
  });

  it("is read in linear time", () => {
    const headers = ["/".repeat(1_000_000), `package x${"/*".repeat(500_000)}`, `package x\nimport ("${"\\".repeat(1_000_000)}`];
    for (const header of headers) expect(processorMs(() => readGoHeader(header))).toBeLessThan(1_000);
  });
});

describe("the lock of a Go script", () => {
  it("is two files in one text", () => {
    const mod = initialGoMod("1.26.8", [{ module: "a.example/one", version: "v1.2.3" }]);
    expect(mod).toBe("module millrace.job\n\ngo 1.26\n\nrequire a.example/one v1.2.3\n");
    expect(parseGoLock(`-- go.mod --\n${mod}-- go.sum --\na.example/one v1.2.3 h1:x=\n`)).toEqual({ mod, sum: "a.example/one v1.2.3 h1:x=\n" });
    expect(parseGoLock("anything else")).toBeUndefined();
  });
});
