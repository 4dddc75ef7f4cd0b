# Runs R so that TERM reaches it as an interrupt, which is what R scripts can handle: R itself has no handler for TERM.
# The arguments are the command.
trap '' TERM
# R stops at a depth that it derives from this; nested values need much of it.
ulimit -S -s 65536 2>/dev/null
"$@" &
pid=$!
# The file is for a TERM that comes before R listens.
trap ': > "$TMPDIR/.terminated"; kill -INT "$pid"' TERM
wait "$pid"
code=$?
while kill -0 "$pid" 2>/dev/null; do
  wait "$pid"
  code=$?
done
exit "$code"
