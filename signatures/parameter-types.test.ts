import { describe, expect, it } from "vitest";
import { ANY, type ParameterType } from "./model.ts";
import { nullable, resourceName, typeOfDefault, unionOf } from "./parameter-types.ts";

const STRING: ParameterType = { kind: "string" };
const NUMBER: ParameterType = { kind: "number" };
const INTEGER: ParameterType = { kind: "integer" };
const NULL: ParameterType = { kind: "null" };

describe("unions", () => {
  it("is the type itself when there is but one", () => expect(unionOf([STRING, STRING])).toEqual(STRING));
  it("flattens", () => expect(unionOf([STRING, unionOf([NUMBER, NULL])])).toEqual({ kind: "union", options: [STRING, NUMBER, NULL] }));
  it("is anything when one option is", () => expect(unionOf([STRING, ANY])).toBe(ANY));
  it("is anything when there is no option", () => expect(unionOf([])).toBe(ANY));
  it("drops integers beside numbers", () => expect(unionOf([INTEGER, NUMBER])).toEqual(NUMBER));
  it("collects literals", () =>
    expect(
      unionOf([
        { kind: "enum", values: ["a"] },
        { kind: "enum", values: ["b", "a"] },
      ]),
    ).toEqual({ kind: "enum", values: ["a", "b"] }));
  it("keeps literals beside a string of some format", () =>
    expect(
      unionOf([
        { kind: "enum", values: ["now"] },
        { kind: "string", format: "date" },
      ]).kind,
    ).toBe("union"));
  it("adds null once", () => expect(nullable(nullable(STRING))).toEqual({ kind: "union", options: [STRING, NULL] }));
});

describe("types of defaults", () => {
  it("takes whole numbers for any number", () => expect(typeOfDefault(1)).toEqual(NUMBER));
  it("learns nothing from null", () => expect(typeOfDefault(null)).toEqual(ANY));
});

describe("names of resource types", () => {
  it.each([
    ["Postgresql", "postgresql"],
    ["CSlackBot", "c_slack_bot"],
    ["MyS3Bucket", "my_s3_bucket"],
    ["HTTPServer", "http_server"],
    ["c_x", "c_x"],
  ])("%s is %s", (typeName, expected) => expect(resourceName(typeName)).toBe(expected));
});
