/** The end of a replica in the middle of what it does. */
class Crash extends Error {}

/**
 * Something whose methods may be the last thing that a replica does: it dies before the call has happened, or after, without having heard of it. A dead
 * one does nothing any more.
 * @param onCall decides about each call; "never" from the first crash on
 */
export function crashing<T extends object>(of: T, onCall: (name: string) => "go on" | "before" | "after" | "never"): T {
  return new Proxy(of, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        const end = onCall(String(name));
        if (name === "onEnd") return Reflect.apply(member, target, args);
        const call = async (): Promise<unknown> => {
          if (end === "before" || end === "never") throw new Crash(`dead before ${String(name)}`);
          const result: unknown = await Reflect.apply(member, target, args);
          if (end === "after") throw new Crash(`dead after ${String(name)}`);
          return result;
        };
        return call();
      };
    },
  });
}
