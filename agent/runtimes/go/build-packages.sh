# Compiles what a script imports into a cache, which is the artifact. A constant: what comes from the tenant is in the files.
set -eu
mkdir -p "$TMP/src/inner"
cp "$JOB/imports.go" "$TMP/src/inner/"
cp "$JOB/go.mod" "$JOB/go.sum" "$TMP/src/"
. "$JOB/use-cache.sh"
use_cache "$STD" "$OUT/cache"
cd "$TMP/src"
GOCACHE="$OUT/cache" "$GO" build ./inner
# What was there before stays where it is.
find "$OUT/cache" -type l -delete
find "$OUT/cache" -maxdepth 1 -type f -delete
