import { expect, test } from "vitest";
import { type OidcTicket, readTicket, TICKET_MS, ticketKey, writeTicket } from "./oidc-ticket.ts";

const KEY = ticketKey(Buffer.alloc(32, 5));
const NOW = 1_800_000_000_000;
const CONTENT: OidcTicket = { provider: "company", state: "s", nonce: "n", verifier: "the-verifier", return_to: "/here", invitation: "i" };

test("a ticket is read by who has the key, until it is over, and nobody else sees what is in it", async () => {
  const text = await writeTicket(KEY, CONTENT, NOW);
  expect(await readTicket(KEY, text, NOW + TICKET_MS - 1000)).toEqual(CONTENT);
  expect(await readTicket(KEY, text, NOW + TICKET_MS)).toBeUndefined();
  expect(await readTicket(ticketKey(Buffer.alloc(32, 6)), text, NOW)).toBeUndefined();
  expect(Buffer.from(text.replaceAll(".", ""), "base64url").toString("latin1")).not.toContain("the-verifier");
});

test("one that was changed, or is something else, is none", async () => {
  const text = await writeTicket(KEY, CONTENT, NOW);
  const at = text.lastIndexOf(".") - 3;
  for (const wrong of ["", "x", text.slice(0, -2), `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`])
    expect(await readTicket(KEY, wrong, NOW)).toBeUndefined();
});
