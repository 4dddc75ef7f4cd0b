import { z } from "zod";

const schema = z.object({ type: z.string(), secrets: z.array(z.string()) });

/** The first line of an answer with secrets; undefined when it is something else. */
export function decodeSecretsAhead(line: string): z.infer<typeof schema> | undefined {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
