import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

const MEGABYTE = 1024 * 1024;

/**
 * Settings for a server on one machine of 2 cores and 4-8 GB that it shares with the control plane and often with a person's desktop.
 * Sizes follow memory, up to 512 MB of shared buffers.
 * @param test durability off: for databases that are thrown away
 */
export function settingsFor(postgresBinary: string, test: boolean): Record<string, string> {
  const memoryMb = Math.round(totalmem() / MEGABYTE);
  const sharedBuffersMb = Math.max(128, Math.min(512, Math.round(memoryMb / 8)));
  const common = {
    cluster_name: "millrace",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %a ",
    jit: "off",
    random_page_cost: "1.1",
    // One statement may lock all partitions of several tables.
    max_locks_per_transaction: "128",
    unix_socket_permissions: "0700",
    password_encryption: "scram-sha-256",
  };
  if (test) {
    return {
      ...common,
      // A dozen servers of tests at once, with a dozen connections each.
      max_connections: "300",
      shared_buffers: "128MB",
      fsync: "off",
      synchronous_commit: "off",
      full_page_writes: "off",
      wal_level: "minimal",
      max_wal_senders: "0",
      checkpoint_timeout: "1h",
      max_wal_size: "2GB",
    };
  }
  const lz4 = hasLz4(postgresBinary);
  return {
    ...common,
    max_connections: "60",
    shared_buffers: `${sharedBuffersMb}MB`,
    effective_cache_size: `${Math.max(512, Math.round(memoryMb / 2))}MB`,
    maintenance_work_mem: "128MB",
    work_mem: "8MB",
    wal_buffers: "16MB",
    max_wal_size: "4GB",
    min_wal_size: "256MB",
    checkpoint_timeout: "15min",
    autovacuum_naptime: "10s",
    // Vacuums of the history, which always grows, must leave one for the hot tables.
    autovacuum_max_workers: "3",
    // Without LZ4 the only choice is pglz, which costs more processor time than the saved bytes are worth on two cores.
    ...(lz4 ? { wal_compression: "lz4", default_toast_compression: "lz4" } : {}),
  };
}

/** Settings as arguments of `postgres`; they win over the files in the data folder. */
export function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** A build with LZ4 names the library among those it needs. */
function hasLz4(postgresBinary: string): boolean {
  return readFileSync(postgresBinary).includes("liblz4");
}
