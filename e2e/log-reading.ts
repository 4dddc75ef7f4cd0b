import type { World } from "./harness.ts";

/** The log of a job, by lines. */
export async function lines(of: World, id: string): Promise<string[]> {
  const { body } = await of.api<string>("GET", `/jobs/${id}/logs`);
  return body.split("\n");
}

export interface Followed {
  readonly text: string;
  readonly lastId: string;
  readonly ended: boolean;
}

/** Reads a followed log until its end, or breaks it off after some events to come back with the last id. */
export async function follow(of: World, id: string, lastId?: string, breakAfter = Number.POSITIVE_INFINITY): Promise<Followed> {
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${of.httpPort}/api/v1/w/main/jobs/${id}/logs?follow=true`, {
    headers: { authorization: `Bearer ${of.credentials.token}`, ...(lastId !== undefined && { "last-event-id": lastId }) },
    signal: abort.signal,
  });
  let [rest, text, last, events] = ["", "", lastId ?? "", 0];
  const decoder = new TextDecoder();
  const body = response.body?.getReader();
  reading: for (;;) {
    const piece = await body?.read();
    if (piece === undefined || piece.done) break;
    const blocks = (rest + decoder.decode(piece.value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1] ?? "{}";
      if (event === "end") return { text, lastId: last, ended: true };
      if (event !== "log") continue;
      text += (JSON.parse(data) as { text: string }).text;
      last = /^id: (.*)$/m.exec(block)?.[1] ?? last;
      events += 1;
      if (events >= breakAfter) break reading;
    }
  }
  abort.abort();
  return { text, lastId: last, ended: false };
}
