import { expect, test } from "vitest";
import { HELP, listText, parseCommand } from "./cli.ts";
import { SCENARIOS } from "./scenarios/list.ts";

const parse = (...args: string[]) => parseCommand(args, SCENARIOS);

test("a scenario with its options", () => {
  expect(parse("burst", "--short", "--json", "a.json", "--no-peers", "--seed", "5", "--seconds", "7")).toMatchObject({
    kind: "run",
    name: "burst",
    short: true,
    peers: false,
    seed: 5,
    seconds: 7,
    json: "a.json",
    html: undefined,
    agents: undefined,
  });
});

test("several scenarios run in the order of the list, `all` is every one", () => {
  const several = parse("sustained", "idle-latency");
  expect(several.kind === "run" && several.scenarios.map(({ name }) => name)).toEqual(["idle-latency", "sustained"]);
  const all = parse("all");
  expect(all.kind === "run" && all.scenarios).toEqual(SCENARIOS);
});

test.each([
  [["nothing-like-it"], /no scenario "nothing-like-it"; there are idle-latency, start-overhead, sustained/],
  [[], /which scenario\? --list names them/],
  [["all", "burst"], /`all` stands alone/],
  [["burst", "--seed", "x"], /--seed takes a whole number from 1 on, not "x"/],
  [["burst", "--seconds", "0"], /--seconds takes a whole number/],
  [["burst", "--fast"], /--fast/],
  [["burst", "--json"], /json/],
] as const)("%j is wrong in clear words", (args, words) => {
  const command = parse(...args);
  expect(command.kind).toBe("wrong");
  expect(command.kind === "wrong" && command.message).toMatch(words);
});

test("help and list win over what else is said", () => {
  expect(parse("--help").kind).toBe("help");
  expect(parse("burst", "-h").kind).toBe("help");
  expect(parse("--list").kind).toBe("list");
});

test("the list and the help name everything that can be asked for", () => {
  for (const scenario of SCENARIOS) expect(listText(SCENARIOS)).toContain(`${scenario.name} `);
  for (const option of ["--list", "--short", "--json", "--html", "--no-peers", "--seed", "--seconds", "--agents", "--slots"]) expect(HELP).toContain(option);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});
