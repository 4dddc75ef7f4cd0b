# Downloads the modules of a lock and compares them with go.sum. A constant.
set -eu
mkdir -p "$TMP/src"
cp "$JOB/go.mod" "$JOB/go.sum" "$TMP/src/"
cd "$TMP/src"
export GOMODCACHE="$OUT/mod"
"$GO" mod download
cmp -s go.sum "$JOB/go.sum" || { echo "go.sum of the lock is not complete" >&2; exit 1; }
# Kept for resolving only.
rm -rf "$OUT/mod/cache/vcs"
