import { bashSupport } from "../runtimes/bash/bash-runtime.ts";
import { compiledSupport } from "../runtimes/compiled/compiled-support.ts";
import { noopSupport } from "../runtimes/noop.ts";
import { perlSupport } from "../runtimes/perl/perl-runtime.ts";
import { phpSupport } from "../runtimes/php/php-runtime.ts";
import { pythonSupport } from "../runtimes/python3/python3-runtime.ts";
import { querySupport } from "../runtimes/query/query-runtimes.ts";
import { rSupport } from "../runtimes/r/r-runtime.ts";
import { rubySupport } from "../runtimes/ruby/ruby-runtime.ts";
import type { RuntimeSupport } from "../runtimes/runtime.ts";
import { typescriptSupport } from "../runtimes/typescript/typescript-runtime.ts";
import type { NetworkPolicy, Sandbox } from "../sandbox/sandbox.ts";

export interface SupportOptions {
  readonly sandbox: Sandbox;
  readonly network: NetworkPolicy;
  readonly metadataAllowed: boolean;
  readonly tmpBytes: number;
  readonly nodeHeapMb?: number | undefined;
  readonly pythonPath?: string | undefined;
  readonly noop?: boolean | undefined;
}

/** All languages that an agent looks for on its host. */
export function supportsOf({ sandbox, network, metadataAllowed, tmpBytes, nodeHeapMb = 512, pythonPath, noop = false }: SupportOptions): RuntimeSupport[] {
  return [
    bashSupport,
    pythonSupport(pythonPath),
    typescriptSupport({ heapMb: nodeHeapMb }),
    phpSupport,
    rubySupport,
    perlSupport,
    rSupport,
    querySupport({ sandbox, network, metadataAllowed, tmpBytes }),
    compiledSupport({ javaHeapMb: 512 }),
    ...(noop ? [noopSupport] : []),
  ];
}
