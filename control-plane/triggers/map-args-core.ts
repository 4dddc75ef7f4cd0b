/** A request, as far as a job may see it. */
export interface Inbound {
  readonly method: string;
  /** As it was called, without the query. */
  readonly path: string;
  /** Lower case; without those that say who the caller is, see `headersForJobs`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Of the pattern of a route. */
  readonly params: Readonly<Record<string, string>>;
  /** Undefined: there was none. */
  readonly body: unknown;
  /** The body as text; bytes that are no text as base64. */
  readonly raw: string;
}

/** Argument → where it comes from: `body`, `body.order.id`, `headers.x-kind`, `query`, `params.id`, `raw`, `method`, `path`. */
export type ArgsMapping = Readonly<Record<string, string>>;

const PLACE = /^(?:(?:raw|method|path)|(?:headers|query|params)(?:\.[^.\s]+)?|body(?:\.[^.\s]+){0,16})$/;
/** They say who calls: whoever has them could call in the caller's name. A job must never see them, since anybody may lead a browser here. */
const OF_THE_CALLER = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Whether an argument may come from there. */
export function isPlace(text: string): boolean {
  return PLACE.test(text);
}

/** What of a request's headers jobs see. @param secretHeader in which this trigger's token comes */
export function headersForJobs(headers: Readonly<Record<string, string | readonly string[] | undefined>>, secretHeader: string): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || OF_THE_CALLER.has(name) || name === secretHeader) return [];
    return [[name, typeof value === "string" ? value : value.join(", ")]];
  });
  return Object.fromEntries(entries);
}

/**
 * The arguments that a request stands for. Without a mapping: the members of the body when it is an object, else the query and (of something
 * else than an object) `body`; parameters of the pattern win over both. With one: what it names; what is not there is left out.
 */
export function mapArgs(mapping: ArgsMapping | undefined, inbound: Inbound): Record<string, unknown> {
  if (mapping === undefined) return { ...defaultArgs(inbound), ...inbound.params };
  const entries = Object.entries(mapping).flatMap(([name, place]): [string, unknown][] => {
    const value = valueAt(place, inbound);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** A call as the preprocessor of a flow gets it, in the words of OpenFlow. */
export function eventOf(trigger: EventSource, { method, path, headers, query, params, body = null }: Inbound): Record<string, unknown> {
  const of = { trigger: trigger.path, query, headers, body };
  return trigger.pattern === undefined ? { kind: "webhook", ...of } : { kind: "http", route: trigger.pattern, method, path, params, ...of };
}

interface EventSource {
  /** Of the trigger. */
  readonly path: string;
  /** Of a route. */
  readonly pattern?: string | undefined;
}

function defaultArgs({ body, query }: Inbound): Record<string, unknown> {
  if (isObject(body)) return { ...body };
  return body === undefined ? { ...query } : { ...query, body };
}

function valueAt(place: string, inbound: Inbound): unknown {
  const [head = "", ...rest] = place.split(".");
  let value = new Map<string, unknown>(Object.entries(inbound)).get(head);
  for (const name of rest) {
    if (Array.isArray(value)) value = /^\d{1,6}$/.test(name) ? value[Number(name)] : undefined;
    else value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  // Numbers that keep their digits (`JSON.rawJSON`) are frozen objects.
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Object.isFrozen(value);
}
