#!/bin/sh
# Stands in for the compiler when cargo builds crates: writes down what the script's own crate would be given. A constant.
case " $* " in
*" --crate-name job "*) for argument in "$@"; do printf '%s\n' "$argument"; done > "$OUT/args" ;;
esac
exec "$@"
