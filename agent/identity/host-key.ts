import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rawPublicKey } from "../../kernel/agent-proof.ts";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { replaceFile } from "../journal/data-folder.ts";

/** The key that makes this host what it is. It never leaves the host. */
export interface HostKey {
  /** 32 bytes. */
  readonly publicKey: Buffer;
  sign(statement: Uint8Array): Buffer;
}

/** Reads the key, or makes it. Errors: failed_precondition for a file that holds no such key: it is not replaced by another. */
export function openHostKey(path: string): HostKey {
  const key = existsSync(path) ? readKey(path) : makeKey(path);
  return { publicKey: rawPublicKey(createPublicKey(key)), sign: (statement) => sign(null, statement, key) };
}

function readKey(path: string): KeyObject {
  try {
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`it is of the kind ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw new AppError("failed_precondition", `the agent's key ${path} cannot be used: ${messageOf(error)}`, {
      hint: "restore it, or remove the folder it is in: the agent then joins as a new one",
    });
  }
}

/** On disk before anybody knows it. */
function makeKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync("ed25519");
  replaceFile(path, privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  return privateKey;
}
