# Builds the program around a script. A constant: what comes from the tenant is in the files.
set -eu
mkdir -p "$TMP/src/inner"
cp "$JOB/main.go" "$JOB/glue.go" "$TMP/src/inner/"
cp "$JOB/wrapper.go" "$JOB/go.mod" "$TMP/src/"
[ ! -e "$JOB/go.sum" ] || cp "$JOB/go.sum" "$TMP/src/"
# Go writes into its cache: a folder of names for what is compiled already.
cp -rs "$STD/cache" "$TMP/cache"
find "$TMP/cache" -type d -exec chmod u+w {} +
# Otherwise it throws away what is older than five days.
rm -f "$TMP/cache/trim.txt"
date +%s > "$TMP/cache/trim.txt"
cd "$TMP/src"
exec "$GO" build -ldflags=-s -o "$OUT/program" .
