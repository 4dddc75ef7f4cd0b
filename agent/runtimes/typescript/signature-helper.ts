/** Main of the helper process: answers one question after the other over the channel to its parent. */
import { readSignature } from "./read-signature.ts";

process.on("message", (message: { code: string; language: "typescript" | "javascript" }) => {
  process.send?.(readSignature(message.code, message.language));
});
process.on("disconnect", () => process.exit(0));
