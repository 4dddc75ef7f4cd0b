/**
 * What runs inside QuickJS beside the expression: it unpacks the scope, offers `variable()` and `resource()`, and turns whatever comes
 * back into one text. It is code of the other side of the wall: nothing it says is trusted beyond its form. What it needs later it takes
 * aside first, since the expression may change every built-in object.
 *
 * The text of an answer begins with a letter: `v` value as JSON, `n` needs as JSON `[variables, resources]`, `e` error as JSON
 * `[name, message, stack]`.
 */
const CLOCK = `
  const TheDate = Date;
  const moment = () => {
    if (now !== now) throw new TheError("there is no clock here: take the time from a step or from the inputs");
    return now;
  };
  const Clock = function Date(...parts) {
    if (new.target === undefined) return toText(new TheDate(moment()));
    return construct(TheDate, parts.length === 0 ? [moment()] : parts, new.target);
  };
  Clock.prototype = TheDate.prototype;
  defineProperty(Clock.prototype, "constructor", { value: Clock, writable: true, configurable: true });
  Clock.UTC = TheDate.UTC;
  Clock.parse = TheDate.parse;
  Clock.now = moment;
  publish("Date", Clock);
`;

const guest = (clock: string): string => `(function (input, now) {
  "use strict";
  const { parse, stringify } = JSON;
  const { defineProperty, hasOwn } = Object;
  const { apply, construct } = Reflect;
  const toText = String, cut = String.prototype.slice, TheError = Error, TheTypeError = TypeError;
  const ThePromise = Promise, resolve = Promise.resolve, then = Promise.prototype.then;
  const scope = parse(input);
  const missing = [[], []];
  const publish = (name, value) => defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true });
  const lookup = (kind, known, wanted) => (path) => {
    if (typeof path !== "string") throw new TheTypeError(kind + "() takes a path as text");
    if (hasOwn(known, path)) return known[path];
    defineProperty(wanted, wanted.length, { value: path, enumerable: true });
    throw new TheError("the " + kind + " is not there");
  };
  for (const name in scope.values) publish(name, scope.values[name]);
  publish("variable", lookup("variable", scope.variables, missing[0]));
  publish("resource", lookup("resource", scope.resources, missing[1]));
  Math.random = () => {
    throw new TheError("Math.random() is not for expressions: they must say the same again. Take it from a step");
  };
  ${clock}
  const needs = () => "n[" + stringify(missing[0]) + "," + stringify(missing[1]) + "]";
  const hasNeeds = () => missing[0].length + missing[1].length > 0;
  const finish = (value) => {
    if (hasNeeds()) return needs();
    if (typeof value === "function" || typeof value === "symbol") throw new TheTypeError("the value is a " + typeof value + ", which is no data");
    const text = value === undefined ? "null" : stringify(value);
    return "v" + (text === undefined ? "null" : text);
  };
  const shown = (value, most) => stringify(apply(cut, toText(value), [0, most]));
  const describe = (error) => {
    if (hasNeeds()) return needs();
    const isError = typeof error === "object" && error !== null;
    const name = isError ? error.name : undefined, message = isError ? error.message : error, stack = isError ? error.stack : undefined;
    return "e[" + shown(name === undefined ? "Error" : name, 100) + "," + shown(message === undefined ? "" : message, 500) + "," +
      shown(stack === undefined ? "" : stack, 2000) + "]";
  };
  return (main) => {
    try {
      const value = apply(main, undefined, []);
      const isLater = typeof value === "object" && value !== null && typeof value.then === "function";
      return isLater ? apply(then, apply(then, apply(resolve, ThePromise, [value]), [finish]), [undefined, describe]) : finish(value);
    } catch (error) {
      return describe(error);
    }
  };
})`;

/** Without `Date`: compiling what replaces it would take a tenth of a millisecond, and few expressions need it. */
export const GUEST = guest("");
export const GUEST_WITH_CLOCK = guest(CLOCK);
