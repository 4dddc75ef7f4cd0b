# Builds the program around a script. A constant: what comes from the tenant is in the files.
set -eu
mkdir -p "$TMP/src/inner"
cp "$JOB/main.go" "$JOB/glue.go" "$TMP/src/inner/"
cp "$JOB/wrapper.go" "$JOB/go.mod" "$TMP/src/"
[ ! -e "$JOB/go.sum" ] || cp "$JOB/go.sum" "$TMP/src/"
. "$JOB/use-cache.sh"
use_cache "$STD" "$TMP/cache"
[ -z "${PACKAGES:-}" ] || use_cache "$PACKAGES" "$TMP/cache"
cd "$TMP/src"
GOCACHE="$TMP/cache" exec "$GO" build -ldflags=-s -o "$OUT/program" .
