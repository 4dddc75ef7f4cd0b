import type { DeliveryView, HookView } from "../../control-plane/notifications/contract.ts";
import type { TriggerView } from "../../control-plane/triggers/contract.ts";
import { decodeObject } from "../api-codec.ts";
import { connect } from "../connect.ts";
import { parseExactJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { print, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { filterOf, type ListOptions, printThings, textOf } from "./variables.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

type Kind = "triggers" | "hooks";

const at = (kind: Kind, place: string, path: string): string => `/${kind}/${place}?path=${encodeURIComponent(path)}`;

/** `millrace trigger list`, `millrace hook list`. */
export async function listTriggersCommand(kind: Kind, options: ListOptions): Promise<ExitCode> {
  const filter = Object.entries(filterOf(options)).map(([name, value]): [string, string] => [name, String(value)]);
  const text = await connect(options).ask("GET", `/${kind}?${new URLSearchParams(filter).toString()}`);
  if (options.json === true) {
    print(text);
    return EXIT.ok;
  }
  const page = decodeObject<{ triggers?: TriggerView[]; hooks?: HookView[]; next_cursor?: string }>(text, `GET /${kind}`);
  const state = (paused: boolean): string => (paused ? "paused" : "active");
  if (kind === "triggers") {
    const rows = (page.triggers ?? []).map((one) => [one.path, one.method ?? "POST", plainText(one.url), one.script ?? one.flow ?? "", state(one.paused)]);
    printThings(["PATH", "METHOD", "ADDRESS", "STARTS", "STATE"], rows, page.next_cursor);
  } else {
    const rows = (page.hooks ?? []).map((one) => [one.path, plainText(one.url), one.events.join(" "), state(one.paused)]);
    printThings(["PATH", "ADDRESS", "EVENTS", "STATE"], rows, page.next_cursor);
  }
  return EXIT.ok;
}

/** `millrace trigger put`, `millrace hook put`. */
export async function putTriggerCommand(kind: Kind, path: string, json: string | undefined, options: JsonFlag): Promise<ExitCode> {
  const body = JSON.stringify(parseExactJson(textOf(json), "the settings"));
  const text = await connect(options).ask("PUT", at(kind, "by-path", path), body);
  const stored = decodeObject<{ url: string; secret?: string }>(text, `PUT /${kind}`);
  if (options.json === true) {
    print(text);
    return EXIT.ok;
  }
  say(`${path} is set: ${plainText(stored.url)}`);
  if (stored.secret !== undefined) print(stored.secret);
  return EXIT.ok;
}

/** `pause`, `resume` and `delete` of both. */
export async function changeTriggerCommand(kind: Kind, change: "pause" | "resume" | "delete", path: string, options: JsonFlag): Promise<ExitCode> {
  const client = connect(options);
  const text = await (change === "delete" ? client.ask("DELETE", at(kind, "by-path", path)) : client.ask("POST", at(kind, change, path)));
  if (options.json === true) print(change === "delete" ? JSON.stringify({ path, deleted: true }) : text);
  else say(`${path} is ${change === "delete" ? "deleted" : change === "pause" ? "paused" : "active"}`);
  return EXIT.ok;
}

/** `millrace trigger secret`: the secret alone on stdout. */
export async function addSecretCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  const text = await connect(options).ask("POST", at("triggers", "secrets", path));
  print(options.json === true ? text : decodeObject<{ secret: string }>(text, "POST /triggers/secrets").secret);
  return EXIT.ok;
}

/** `millrace hook test`: exits with 1 when it did not arrive. */
export async function testHookCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  const text = await connect(options).ask("POST", at("hooks", "test", path));
  const delivery = decodeObject<DeliveryView>(text, "POST /hooks/test");
  const last = delivery.attempts.at(-1);
  if (options.json === true) print(text);
  else say(`${delivery.status}: ${plainText(last?.error ?? `the receiver answered ${last?.status ?? "nothing"}`)}`);
  return delivery.status === "delivered" ? EXIT.ok : EXIT.runFailed;
}
