# Fixes the versions of a script's crates and prints Cargo.lock. A constant.
set -eu
. "$JOB/package.sh"
export CARGO_HOME="$TMP/cargo"
"$CARGO" generate-lockfile >&2
cat Cargo.lock
