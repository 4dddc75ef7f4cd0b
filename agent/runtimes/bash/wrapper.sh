# Runs a Bash script as the agent wants it. A constant: what comes from the tenant is read from the files in
# the job folder, its argument.
#   args      positional arguments, each followed by a NUL; there may be none
#   check.sh  `set -n;` and the script: reading it finds syntax errors without running anything
#   main.sh   the script
# fd 5 takes one record: `S{"message","line"}` for a syntax error. It is closed before the script begins.

__mr_here=$1
set --

# A subshell, not another bash: it costs a fork. extglob only widens what parses; the script may switch it on itself.
if ! __mr_fault=$(shopt -s extglob; . "$__mr_here/check.sh" 2>&1); then
  __mr_fault=${__mr_fault%%$'\n'*}
  __mr_line=0
  if [[ $__mr_fault =~ line\ ([0-9]+):\ (.*)$ ]]; then
    __mr_line=${BASH_REMATCH[1]}
    __mr_fault=${BASH_REMATCH[2]}
  fi
  __mr_fault=${__mr_fault//\\/\\\\}
  __mr_fault=${__mr_fault//\"/\\\"}
  __mr_fault=${__mr_fault//[[:cntrl:]]/ }
  printf 'S{"message":"%s","line":%d}' "$__mr_fault" "$__mr_line" >&5
  exit 2
fi

__mr_args=()
if [[ -e $__mr_here/args ]]; then mapfile -d '' -t __mr_args < "$__mr_here/args"; fi
exec 5>&-
set -- "${__mr_args[@]}"
__mr_main=$__mr_here/main.sh
BASH_ARGV0=main.sh
unset __mr_args __mr_fault __mr_here
set -eo pipefail
. "$__mr_main"
