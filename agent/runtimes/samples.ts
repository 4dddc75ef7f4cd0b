/** A script, or one of several things that a script can do: a program that takes long to build is built once. */
export type Sample = string | { readonly code: string; readonly args: string };

/** Scripts that say the same in each language, for `contract.test.ts`. */
export interface Samples {
  readonly language: string;
  readonly file: string;
  /** Returns {"got": a}; `a` is an argument. */
  readonly echo: string;
  /** Prints the argument `text` to stderr as it is and returns the number 12345678901234567890, from the argument `big` where the language can hold it. */
  readonly precise: string;
  /** Fails on line 3. */
  readonly fails: Sample;
  readonly failure: { readonly code: number; readonly name: string };
  /** Does not parse because of line 3. */
  readonly broken: string;
  /** Prints `out 0` … `out 199` to stdout and `err 0` … to stderr, in turn. */
  readonly lines: Sample;
  /** Prints `ready` and waits for minutes. */
  readonly waits: Sample;
  /** The same, but nothing short of KILL ends it. */
  readonly stubborn: Sample;
  /** Prints `ready`, waits, prints `bye` on TERM and ends well. */
  readonly polite: Sample;
  readonly exit3: Sample;
  readonly exit0: Sample;
  /** Leaves a process behind that sleeps for `seconds`. */
  leaves(seconds: string, ownSession: boolean): Sample;
  /** Returns a string of x, `size` long. */
  big(size: number): Sample;
  /** Returns what JSON cannot hold; absent where everything is text. */
  readonly unfit?: { readonly code: string; readonly path: string };
  /** Prints the bytes 0 to 255 and then a coloured word. */
  readonly bytes: Sample;
  /** Opens /dev/stdout and /dev/stderr by name and writes `a` and `b`. */
  readonly devices: Sample;
  /** Prints its environment, one NAME=value a line. */
  readonly environment: Sample;
  /** Prints a million bytes of x. */
  readonly million: Sample;
  /** Prints an `x` and returns whether the job folder could be written (text `yes` or `no`). */
  readonly writesJob: Sample;
  /** Variables that the interpreter itself sets. */
  readonly ownEnvironment?: readonly string[];
}
