const NAME_CHARS = 50;

/** What an account may be called in paths, of its e-mail address or its name. */
export function nameFor(called: string): string {
  const local = called.split("@")[0] ?? "";
  const name = local.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, NAME_CHARS);
  return /[A-Za-z0-9]/.test(name) ? name : "member";
}

/** The name, or the first of name2, name3, … that nobody has. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(`${name}${number}`)) number += 1;
  return `${name}${number}`;
}
