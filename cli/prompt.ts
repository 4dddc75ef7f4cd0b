import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { AppError } from "../kernel/app-error.ts";

/** True when somebody sits there who can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks for a line of text. @param fallback what an empty answer means. Errors: cancelled at Ctrl-C and at the end of input. */
export async function ask(question: string, fallback = ""): Promise<string> {
  const text = (await line(`${question}${fallback === "" ? "" : ` [${fallback}]`}: `, process.stderr)).trim();
  return text === "" ? fallback : text;
}

/** Asks for something that nobody shall read over a shoulder: it is not shown. Errors: those of ask. */
export async function askHidden(question: string): Promise<string> {
  process.stderr.write(`${question}: `);
  try {
    return await line("", new Writable({ write: (_chunk, _encoding, done) => done() }));
  } finally {
    process.stderr.write("\n");
  }
}

function line(question: string, output: NodeJS.WritableStream): Promise<string> {
  const reader = createInterface({ input: process.stdin, output, terminal: true });
  return new Promise((resolve, reject) => {
    reader.once("SIGINT", () => reader.close());
    reader.once("close", () => reject(new AppError("cancelled", "interrupted")));
    reader.question(question, (answer) => {
      resolve(answer);
      reader.close();
    });
  });
}
