# Lays out the package of a script and its wrapper. A constant.
mkdir -p "$TMP/package/millrace"
cp "$JOB/cargo.toml" "$TMP/package/Cargo.toml"
[ ! -e "$JOB/cargo.lock" ] || cp "$JOB/cargo.lock" "$TMP/package/Cargo.lock"
: > "$TMP/package/lib.rs"
cp "$JOB/millrace.toml" "$TMP/package/millrace/Cargo.toml"
cp "$JOB"/*.rs "$TMP/package/millrace/"
cd "$TMP/package"
