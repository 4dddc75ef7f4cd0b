// Without a sandbox a script's packages do not lie above its folder, where Node looks for them: this shows it the way. A constant.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const { modules } = JSON.parse(readFileSync(`${import.meta.dirname}/package.json`, "utf8")).millrace;
const above = pathToFileURL(`${modules}/../any.js`).href;
const here = pathToFileURL(`${import.meta.dirname}/`).href;

registerHooks({
  resolve: (specifier, context, next) => {
    const bare = !/^(?:[./#]|[a-z]+:)/i.test(specifier);
    return bare && context.parentURL?.startsWith(here) ? next(specifier, { ...context, parentURL: above }) : next(specifier, context);
  },
});
