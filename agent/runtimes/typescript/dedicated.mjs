// A Node that stays for one script: it loads the script's module once and then runs one job after the other.
// fd 7 tells it about a job, one line of JSON each: {"env", "own", "file", "parameters", "plain", "args", "pipes": {"out", "err", "record"}}; "own" are the variables that
// only this job has, the last three are names in the job folder. It puts the pipes in the place of stdout and stderr, says B in the record, and when the job is over
// {"code", "bytes"} on fd 5. State of the module stays from job to job; processes that a job leaves are ended with it.
import { AsyncLocalStorage } from "node:async_hooks";
import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { run, setEnvironment } from "./core.cjs";
import { readLine } from "./lines.cjs";

const STATUS = 5;
const exit = process.exit.bind(process);
const kill = process.kill.bind(process);
const readMemory = process.memoryUsage.rss.bind(process.memoryUsage);
const { stdout, stderr } = process;
const [here] = process.argv.splice(2);
const jobs = new AsyncLocalStorage();
let current;

/** What an earlier job left behind must not print into the log of a later one. */
for (const stream of [stdout, stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    if (jobs.getStore() === current) return write(chunk, ...rest);
    rest.findLast((one) => typeof one === "function")?.();
    return true;
  };
}

/** Opens the file under this number, which is the lowest one that is free after it was closed. */
function point(fd, path) {
  closeSync(fd);
  // Something else took the number between: nothing can be trusted any more.
  if (openSync(path, "w") !== fd) kill(process.pid, "SIGKILL");
}

function endOthers() {
  try {
    kill(-1, "SIGKILL");
  } catch {
    // There are none.
  }
}

/** Private folders are as they were before the job: it could not have found them otherwise in a process of its own. */
function emptyFolders() {
  for (const folder of ["/tmp", "/dev/shm"]) for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

for (;;) {
  const line = readLine();
  if (line === undefined) exit(0);
  const { env, own, file, parameters, plain, sdk, args, pipes } = JSON.parse(line);
  point(1, `${here}/${pipes.out}`);
  point(2, `${here}/${pipes.err}`);
  const fd = openSync(`${here}/${pipes.record}`, "w");
  const job = { here, file, parameters, plain, sdk, fd };
  setEnvironment(Object.fromEntries(Object.entries(env).filter(([name]) => !own.includes(name))));
  process.exitCode = undefined;
  process.chdir("/tmp");
  writeSync(fd, "B");
  current = job;
  const code = await jobs.run(job, () =>
    run(job, () => {
      setEnvironment(env);
      return JSON.parse(args);
    }),
  );
  current = undefined;
  point(1, "/dev/null");
  point(2, "/dev/null");
  closeSync(fd);
  endOthers();
  writeSync(STATUS, `${JSON.stringify({ code: code & 0xff, bytes: readMemory() })}\n`);
  emptyFolders();
}
