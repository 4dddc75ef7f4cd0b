import { AppError } from "../../kernel/app-error.ts";

/** A member of a thing of theirs that has nothing like it here. */
export function notHere(name: string, why: string, hint: string): AppError {
  return new AppError("unimplemented", `${name}: ${why}`, { fields: [{ pointer: `/${name}`, message: why }], hint: `${hint} (docs/windmill.md)` });
}

/** An error about members of ours, with the names that the caller has used. @param names theirs by ours: the longest that begins a pointer counts */
export function inTheirWords(thrown: unknown, names: Readonly<Record<string, string>>): AppError {
  const error = AppError.from(thrown);
  if (error.fields.length === 0) return error;
  const fields = error.fields.map(({ pointer, message }) => ({ pointer: renamed(pointer, names), message }));
  const { code, message, hint, retryAfterS, cause } = error;
  return new AppError(code, message, { fields, ...(hint !== undefined && { hint }), ...(retryAfterS !== undefined && { retryAfterS }), cause });
}

function renamed(pointer: string, names: Readonly<Record<string, string>>): string {
  const parts = pointer.split("/").slice(1);
  for (let length = parts.length; length > 0; length--) {
    const name = names[parts.slice(0, length).join("/")];
    if (name !== undefined) return `/${[name, ...parts.slice(length)].join("/")}`;
  }
  return pointer;
}
