import { builtinModules } from "node:module";
import type { EcmaScriptModule } from "oxc-parser";

const BUILT_IN: ReadonlySet<string> = new Set(builtinModules);

/** Code that may load a module without an import: what it loads is not looked for. */
const MAY_REQUIRE = /\brequire\b|\bcreateRequire\b|\bgetBuiltinModule\b/;

/** Whether a file imports nothing but what Node brings along, as far as that is certain. */
export function importsBuiltInsOnly(code: string, module: EcmaScriptModule): boolean {
  if (module.dynamicImports.length > 0 || MAY_REQUIRE.test(code)) return false;
  const imported = module.staticImports.map((one) => one.moduleRequest.value);
  const exported = module.staticExports.flatMap((one) => one.entries.flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest.value])));
  return [...imported, ...exported].every(isBuiltIn);
}

function isBuiltIn(specifier: string): boolean {
  return specifier.startsWith("node:") || BUILT_IN.has(specifier);
}
