#!/bin/bash
# Prints a line now and then: watch how they arrive while the job still runs.
# Try it with other arguments:  bin/millrace run examples/stream_lines.sh --arg count=30 --arg pause=0.1

count="${1:-15}"
pause="${2:-0.2}"
name="${3:-world}"

echo "hello $name, $count lines are coming" >&2
for ((i = 1; i <= count; i++)); do
  printf 'line %2d of %d at %(%T)T\n' "$i" "$count" -1
  sleep "$pause"
done
printf '{"lines": %d, "seconds": %d}\n' "$count" "$SECONDS"
