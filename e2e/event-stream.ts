import type { World } from "./harness.ts";

/** What a path below the workspace streams, event by event as it comes. @param path with its query */
export async function* eventsOf(world: World, path: string): AsyncGenerator<{ event: string; data: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main${path}`, {
    headers: { authorization: `Bearer ${world.credentials.token}` },
  });
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const entry of events) {
      const [, event = ""] = /^event: (.*)$/m.exec(entry) ?? [];
      const [, data = "{}"] = /^data: (.*)$/m.exec(entry) ?? [];
      if (event !== "") yield { event, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
}
