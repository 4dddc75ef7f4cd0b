import "../kernel/v8-settings.ts";
import { CommanderError } from "commander";
import { AppError } from "../kernel/app-error.ts";
import { EXIT, exitCodeOfError } from "./exit-codes.ts";
import { flushed, sayError } from "./output.ts";
import { buildProgram } from "./program.ts";

/** What a shell reports for a process that a closed pipe ended (128 + SIGPIPE). */
const CLOSED_PIPE = 141;

// `millrace logs … | head`: the reader has enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(CLOSED_PIPE);
    throw error;
  });
}

async function main(): Promise<number> {
  let code: number = EXIT.ok;
  try {
    await buildProgram((result) => {
      code = result;
    }).parseAsync();
    return code;
  } catch (error) {
    // Commander has said what is wrong, or has shown the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const appError = AppError.from(error);
    sayError(appError);
    return exitCodeOfError(appError);
  }
}

const code = await main();
await flushed(process.stdout);
await flushed(process.stderr);
process.exit(code);
