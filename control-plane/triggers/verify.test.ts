import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import type { Auth } from "./contract.ts";
import { type Call, type Verdict, verify } from "./verify.ts";

const NOW_MS = 1_700_000_000_000;
const NOW_S = String(NOW_MS / 1000);
const call = (headers: Record<string, string>, body = ""): Call => ({ headers, body: Buffer.from(body) });
const of = (kind: "standard" | "github" | "stripe" | "slack" | "gitlab"): Auth => ({ kind });
const genuine = (id: string | undefined): Verdict => ({ kind: "genuine", id });
const hmac = (key: string | Buffer, text: string, form: "hex" | "base64"): string => createHmac("sha256", key).update(text).digest(form);

test("published signatures of each scheme are genuine, and nothing else is that is a bit off", () => {
  // From the pages of Standard Webhooks (Svix), GitHub and Slack.
  const samples: [Auth, string, Call, number][] = [
    [
      of("standard"),
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      call(
        {
          "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
          "webhook-timestamp": "1614265330",
          "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        '{"test": 2432232314}',
      ),
      1_614_265_330_000,
    ],
    [
      of("github"),
      "It's a Secret to Everybody",
      call({ "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" }, "Hello, World!"),
      0,
    ],
    [
      of("slack"),
      "8f742231b10e8888abcd99yyyzzz85a5",
      call(
        {
          "x-slack-request-timestamp": "1531420618",
          "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
      ),
      1_531_420_618_000,
    ],
  ];
  for (const [auth, secret, sample, nowMs] of samples) {
    expect(verify(auth, [secret], sample, nowMs).kind, auth.kind).toBe("genuine");
    expect(verify(auth, ["another secret"], sample, nowMs).kind, auth.kind).toBe("refused");
    expect(verify(auth, [], sample, nowMs).kind, auth.kind).toBe("refused");
    expect(verify(auth, [secret], { ...sample, body: Buffer.concat([sample.body, Buffer.from(" ")]) }, nowMs).kind, auth.kind).toBe("refused");
    expect(verify(auth, [secret], { ...sample, headers: {} }, nowMs).kind, auth.kind).toBe("refused");
  }
});

test("a signed call is good for five minutes before and after its time, and no longer", () => {
  const body = '{"id":"evt_1"}';
  const key = Buffer.alloc(32, 7);
  const at = (s: string): [Auth, string, Call][] => [
    [
      of("standard"),
      `whsec_${key.toString("base64")}`,
      call({ "webhook-id": "a", "webhook-timestamp": s, "webhook-signature": `v1,${hmac(key, `a.${s}.${body}`, "base64")}` }, body),
    ],
    [of("stripe"), "whsec_plain", call({ "stripe-signature": `t=${s},v1=${hmac("whsec_plain", `${s}.${body}`, "hex")},v0=old` }, body)],
    [of("slack"), "slack", call({ "x-slack-request-timestamp": s, "x-slack-signature": `v0=${hmac("slack", `v0:${s}:${body}`, "hex")}` }, body)],
  ];
  for (const [offS, kind] of [
    [0, "genuine"],
    [-300, "genuine"],
    [300, "genuine"],
    [-301, "refused"],
    [301, "refused"],
  ] as const)
    for (const [auth, secret, sample] of at(String(Number(NOW_S) + offS)))
      expect([auth.kind, offS, verify(auth, [secret], sample, NOW_MS).kind]).toEqual([auth.kind, offS, kind]);
  for (const [auth, secret, sample] of at("1e9")) expect(verify(auth, [secret], sample, NOW_MS).kind).toBe("refused");
});

test("every secret that is good opens, and a sender may sign with several", () => {
  const keys = [Buffer.alloc(24, 1), Buffer.alloc(64, 2)];
  const secrets = keys.map((key) => `whsec_${key.toString("base64")}`);
  const signed = (...by: Buffer[]): Call =>
    call({ "webhook-id": "a", "webhook-timestamp": NOW_S, "webhook-signature": by.map((key) => `v1,${hmac(key, `a.${NOW_S}.x`, "base64")}`).join(" ") }, "x");
  for (const key of keys) expect(verify(of("standard"), secrets, signed(Buffer.alloc(32, 9), key), NOW_MS)).toEqual(genuine("a"));
  expect(verify(of("standard"), secrets, signed(Buffer.alloc(32, 9)), NOW_MS).kind).toBe("refused");
});

test("the id of a signed call is one that the signature covers", () => {
  const digest = (body: string): string => {
    const verdict = verify(
      of("github"),
      ["s"],
      call({ "x-hub-signature-256": `sha256=${hmac("s", body, "hex")}`, "x-github-delivery": `${Math.random()}` }, body),
      0,
    );
    return verdict.kind === "genuine" ? (verdict.id ?? "") : "";
  };
  expect(digest("a")).toHaveLength(64);
  expect(digest("a")).toBe(digest("a"));
  expect(digest("a")).not.toBe(digest("b"));
  const stripe = (body: string): Verdict =>
    verify(of("stripe"), ["s"], call({ "stripe-signature": `t=${NOW_S},v1=${hmac("s", `${NOW_S}.${body}`, "hex")}` }, body), NOW_MS);
  expect(stripe('{"id":"evt_1","pending_webhooks":1}')).toEqual(genuine("evt_1"));
  expect(stripe("[]")).toMatchObject({ kind: "genuine", id: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test("a token comes as a bearer token or in the header that the trigger names, and with a key if the sender likes", () => {
  const token: Auth = { kind: "token" };
  expect(verify(token, ["one", "two"], call({ authorization: "Bearer two", "idempotency-key": "k" }), 0)).toEqual(genuine("k"));
  expect(verify(token, ["one"], call({ authorization: "Bearer one" }), 0)).toEqual(genuine(undefined));
  for (const headers of [{}, { authorization: "one" }, { authorization: "Bearer on" }, { authorization: "Bearer " }, { "x-key": "one" }])
    expect(verify(token, ["one"], call(headers as Record<string, string>), 0).kind).toBe("refused");
  expect(verify({ kind: "token", header: "x-key" }, ["one"], call({ "x-key": "one" }), 0)).toEqual(genuine(undefined));
  expect(verify({ kind: "token", header: "x-key" }, ["one"], call({ authorization: "Bearer one" }), 0).kind).toBe("refused");
  expect(verify(of("gitlab"), ["one"], call({ "x-gitlab-token": "one", "x-gitlab-event-uuid": "u" }), 0)).toEqual(genuine("u"));
  expect(verify(of("gitlab"), ["one"], call({ "x-gitlab-token": "other" }), 0).kind).toBe("refused");
});
