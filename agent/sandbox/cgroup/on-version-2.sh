#!/bin/sh
# Runs tests on a kernel with version 2 of control groups, on a machine that has version 1: user-mode Linux (apt-get install user-mode-linux), as root.
#   sh agent/sandbox/cgroup/on-version-2.sh agent/sandbox/cgroup/kernel.test.ts
# The machine's files are seen as they are; /tmp is new. One processor, and many times slower: limits of time in tests may be too short there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$$" != 1 ]; then
  exec linux.uml mem="${MEMORY:-3G}" quiet rootfstype=hostfs rootflags=/ rw init="$here/on-version-2.sh" TESTS="$*" \
    con=null con0=fd:0,fd:1 con1=null ssl=null < /dev/null
fi
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
# Each Node in a group of its own, as an agent has it: beside processes of others it would make no limits.
cat > /tmp/own-group.mjs <<'END'
import { mkdirSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
const dir = `/sys/fs/cgroup/node-${process.pid}`;
if (isMainThread) mkdirSync(dir);
if (isMainThread) writeFileSync(`${dir}/cgroup.procs`, String(process.pid));
END
cd "$here/../../.."
# shellcheck disable=SC2086
NODE_OPTIONS=--import=/tmp/own-group.mjs node_modules/.bin/node node_modules/.bin/vitest run --project agent --pool forks --maxWorkers 1 --no-cache $TESTS || true
halt -f -p
