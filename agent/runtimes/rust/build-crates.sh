# Compiles the crates of a lock, without network. A constant.
set -eu
. "$JOB/package.sh"
# Cargo writes into its home: a folder of names for what was downloaded.
cp -rs "$CRATES/cargo" "$TMP/cargo"
find "$TMP/cargo" -type d -exec chmod u+w {} +
export CARGO_HOME="$TMP/cargo"
export CARGO_TARGET_DIR="$OUT/target"
export RUSTC_WORKSPACE_WRAPPER="$JOB/record.sh"
"$CARGO" build --release --locked --offline
printf %s "$OUT" > "$OUT/base"
rm -rf "$OUT/target/release/.fingerprint" "$OUT/target/release/incremental" "$OUT/target/.rustc_info.json"
