# Compiles what stands around a script that uses no crates. A constant.
set -eu
cd "$JOB"
exec "$RUSTC" --edition 2021 --crate-type rlib --crate-name millrace --cap-lints allow -C opt-level=2 --out-dir "$OUT" millrace.rs
