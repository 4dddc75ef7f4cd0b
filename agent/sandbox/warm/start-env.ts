/** The environment in which interpreters wait, and whether a job's can be put in its place later. */
import { INSIDE_TMP } from "../profile.ts";

/** What every job has, see `jobEnv`. */
export const BASE_ENV: ReadonlyMap<string, string> = new Map([
  ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  ["LANG", "C.UTF-8"],
  ["TZ", "UTC"],
  ["HOME", INSIDE_TMP],
  ["TMPDIR", INSIDE_TMP],
]);

/** Looked at once, when an interpreter or a library of it starts: language, time, memory, keys. A later change would not be noticed. */
const READ_AT_START =
  /^(?:LANG|LANGUAGE|LC_.*|LOCPATH|NLSPATH|TZ|TZDIR|CHARSET|MALLOC_.*|GLIBC_.*|GCONV_PATH|NODE_.*|UV_.*|V8_.*|ICU_.*|OPENSSL_.*|SSL_.*|QEMU_.*|PYTHON.*)$/;

/** Whether an interpreter that started with `BASE_ENV` behaves as if it had started with this one. */
export function canSetLater(env: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of env) if (READ_AT_START.test(name) && BASE_ENV.get(name) !== value) return false;
  return true;
}
