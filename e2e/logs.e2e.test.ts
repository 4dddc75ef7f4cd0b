import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run, startWorld, until, untilEnded, type World } from "./harness.ts";
import { follow, lines } from "./log-reading.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("printer");
});
afterAll(() => world.close());

describe("logs", () => {
  test("a reader that comes back with the last id goes on without a gap and without a repetition", async () => {
    const { id } = await run(world, { code: { language: "bash", content: 'for i in $(seq 1 60); do echo "out $i"; echo "err $i" >&2; sleep 0.02; done' } });
    let text = "";
    let lastId: string | undefined;
    for (let round = 0; ; round++) {
      const part = await follow(world, id, lastId, 3);
      text += part.text;
      lastId = part.lastId;
      if (part.ended) break;
      expect(round).toBeLessThan(200);
    }
    const all = text.split("\n").filter((line) => line !== "");
    expect(all.filter((line) => line.startsWith("out"))).toEqual(Array.from({ length: 60 }, (_, at) => `out ${at + 1}`));
    expect(all.filter((line) => line.startsWith("err"))).toEqual(Array.from({ length: 60 }, (_, at) => `err ${at + 1}`));
  });

  test("binary and ANSI output passes through byte for byte in the plain log", async () => {
    const { id } = await run(world, { code: { language: "bash", content: "printf '\\033[31mred\\033[0m\\n'; printf '\\xff\\xfe\\x00\\x01\\n'" } }, 10);
    const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs/${id}/logs`, {
      headers: { authorization: `Bearer ${world.credentials.token}` },
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.concat([Buffer.from("\u001b[31mred\u001b[0m\n"), Buffer.from([0xff, 0xfe, 0, 1, 0x0a])]));
  });

  test("logs survive kill -9 of the control plane in the middle: nothing is missing, nothing comes twice", async () => {
    const { id } = await run(world, {
      code: {
        language: "python3",
        content: "import time\ndef main():\n    for i in range(200_000):\n        print('row', i)\n        if i % 10000 == 0: time.sleep(0.1)",
      },
    });
    await until("it prints", async () => (await lines(world, id)).length > 20_000);
    await world.server.kill("SIGKILL");
    await world.startServer();
    expect((await untilEnded(world, id, 60_000)).status).toBe("succeeded");
    await until("all output is there", async () => (await lines(world, id)).length === 200_001);
    expect((await lines(world, id)).findIndex((line, at) => at < 200_000 && line !== `row ${at}`)).toBe(-1);
  });
});
