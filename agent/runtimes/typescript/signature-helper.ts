/** Main of the helper process: answers one question after the other over the channel to its parent. */
import { stripTypeScriptTypes } from "node:module";
import { readSignature, type Signature } from "./read-signature.ts";

/** What the agent wants to know about a script. */
export interface Reading {
  readonly signature: Signature;
  /** The code with blanks in the place of its types, so that lines and columns stay; absent for JavaScript, and where only Node itself can do it. */
  readonly plain?: string;
}

type Language = "typescript" | "javascript";

function read(code: string, language: Language): Reading {
  const signature = readSignature(code, language);
  if (language === "javascript" || signature.kind !== "signature" || signature.needsTransform) return { signature };
  try {
    return { signature, plain: stripTypeScriptTypes(code) };
  } catch {
    // Node says what it minds when it runs the script.
    return { signature };
  }
}

process.on("message", (message: { code: string; language: Language }) => {
  process.send?.(read(message.code, message.language));
});
process.on("disconnect", () => process.exit(0));
