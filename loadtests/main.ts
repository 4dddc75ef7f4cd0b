import { HELP, listText, parseCommand } from "./cli.ts";
import { run } from "./runner.ts";
import { SCENARIOS } from "./scenarios/list.ts";

/** `npm run loadtest`. Ctrl-C once ends everything that was started; a second one does not wait for that. */
const command = parseCommand(process.argv.slice(2), SCENARIOS);
switch (command.kind) {
  case "help":
    process.stdout.write(HELP);
    break;
  case "list":
    process.stdout.write(listText(SCENARIOS));
    break;
  case "wrong":
    process.stderr.write(`${command.message}\n\n${HELP}`);
    process.exitCode = 2;
    break;
  case "run": {
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(130);
        process.stderr.write("stopping …\n");
        stop.abort();
      });
    }
    process.exit(await run(command, stop.signal));
  }
}
