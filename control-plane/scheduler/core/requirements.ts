/** What a job asks of the place where it runs; what is absent is the agent's own default. The members are those of the API. */
export interface Requirements {
  /** A list: only these hosts, addresses and networks can be reached. */
  readonly network?: "none" | "full" | string[] | undefined;
  /** 0 to 3. */
  readonly min_sandbox_level?: number | undefined;
  readonly memory_mb?: number | undefined;
  /** Thousandths of a processor. */
  readonly cpu_millis?: number | undefined;
  /** A process that stays for the next runs of the script. */
  readonly dedicated?: boolean | undefined;
}

/** The requirements among other members; undefined when there are none. */
export function requirementsIn({ network, min_sandbox_level, memory_mb, cpu_millis, dedicated }: Requirements): Requirements | undefined {
  const entries = Object.entries({ network, min_sandbox_level, memory_mb, cpu_millis, dedicated }).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
