import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { AppError } from "../../kernel/app-error.ts";

/** OWASP's recommendation: 19 MiB, two passes, one lane. Measured: 35 ms of one of libuv's threads, and more when the machine is busy. */
const [MEMORY_KIB, PASSES, LANES, HASH_BYTES, SALT_BYTES] = [19_456, 2, 1, 32, 16];
/** Files and names are looked up on the same threads, of which there are four: logins must leave some to them. */
const MAX_AT_ONCE = 2;
const MAX_WAITING = 100;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{11,86})$/;

const derive = promisify(argon2);

let running = 0;
const waiting: (() => void)[] = [];

/** Errors: unavailable when too many wait already. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAX_AT_ONCE) {
    if (waiting.length >= MAX_WAITING) throw new AppError("unavailable", "too many logins at a time: try again in a moment", { retryAfterS: 1 });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    // The turn is handed on, or given back.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/** @returns a PHC string. Errors: unavailable */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const hash = await inTurn(() =>
    derive("argon2id", { message: normalised(password), nonce, parallelism: LANES, tagLength: HASH_BYTES, memory: MEMORY_KIB, passes: PASSES }),
  );
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(nonce)}$${unpadded(hash)}`;
}

/** Of a password that nobody knows: whoever has none takes as long to be refused. */
const nobody = hashOfNobody();

/**
 * Compares a password with a hash in the same time whether there is one or not. @param phc undefined: there is none, and no password is right
 * Errors: unavailable
 */
export async function isPassword(password: string, phc: string | undefined): Promise<boolean> {
  const [, memory = "", passes = "", parallelism = "", salt = "", wanted = ""] = PHC.exec(phc ?? nobody) ?? PHC.exec(nobody) ?? [];
  const expected = Buffer.from(wanted, "base64");
  const given = await inTurn(() =>
    derive("argon2id", {
      message: normalised(password),
      nonce: Buffer.from(salt, "base64"),
      parallelism: Number(parallelism),
      tagLength: expected.length,
      memory: Number(memory),
      passes: Number(passes),
    }),
  );
  return timingSafeEqual(given, expected) && phc !== undefined;
}

/** The same letters are typed in several ways by different keyboards. */
function normalised(password: string): Buffer {
  return Buffer.from(password.normalize("NFKC"), "utf8");
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function hashOfNobody(): string {
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(randomBytes(SALT_BYTES))}$${unpadded(randomBytes(HASH_BYTES))}`;
}
