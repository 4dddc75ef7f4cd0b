# Downloads the crates of a lock; cargo compares their checksums. A constant.
set -eu
. "$JOB/package.sh"
export CARGO_HOME="$OUT/cargo"
host=$("$RUSTC" -vV | sed -n 's/^host: //p')
"$CARGO" fetch --locked --target "$host"
rm -f "$OUT/cargo/.package-cache" "$OUT/cargo/.package-cache-mutate" "$OUT/cargo/.global-cache"
