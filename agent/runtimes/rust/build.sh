# Builds the program around a script. A constant: what comes from the tenant is in the files.
set -eu
cd "$TMP"
cp "$JOB/main.rs" .
if [ -e "$WRAPPER/args" ]; then
  # What cargo gave the compiler when it built the crates; they have moved since.
  base=$(cat "$WRAPPER/base")
  awk '$0 == "--extern" || $0 == "-L" { flag = $0; next } flag != "" { print flag; print; flag = "" }' "$WRAPPER/args" | sed -e "s#=$base/#=$WRAPPER/#" -e 's#\.rmeta$#.rlib#' > crates
else
  printf '%s\n' --extern "millrace=$WRAPPER/libmillrace.rlib" > crates
fi
# Line tables let a panic name the script's lines; packed, since the program is copied for each job.
exec "$RUSTC" --edition "$EDITION" --crate-type bin --crate-name main --cap-lints allow --error-format=short \
  -C opt-level=2 -C debuginfo=1 -C link-arg=-Wl,--compress-debug-sections=zlib @crates -o "$OUT/program" main.rs
