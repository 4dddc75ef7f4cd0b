#!/bin/sh
# Writes packages.csv: facts about Debian packages, taken from the package lists that apt has on this machine.
# The lists are read one after the other, as they are: a package that a security update has built anew stands in several
# lines, sometimes in lines that are the same in every field. Nothing is corrected; that is the example's work.
#
#   apt-get update && examples/data/make-packages-csv.sh
set -eu

# Packages whose names begin like this: some 4,000 lines.
WHICH='^(lib[bc]|linux|pari|k|v)'

cd "$(dirname "$0")"
lists=/var/lib/apt/lists
set -- "$lists"/*debian.org_debian_dists_*_binary-*_Packages* "$lists"/*debian.org_debian-security_dists_*_binary-*_Packages*
for list in "$@"; do
  [ -e "$list" ] || { echo "no package lists in $lists: run apt-get update first" >&2; exit 1; }
done

{
  echo 'name,version,section,priority,installed_kb,download_bytes'
  # apt keeps its lists compressed with whatever it likes best; its own helper reads them all.
  /usr/lib/apt/apt-helper cat-file "$@" | awk -v RS= -F '\n' -v which="$WHICH" '
    {
      split("", field)
      for (i = 1; i <= NF; i++) {
        colon = index($i, ": ")
        if (colon > 0) field[substr($i, 1, colon - 1)] = substr($i, colon + 2)
      }
      if (field["Package"] !~ which) next
      printf "%s,%s,%s,%s,%s,%s\n", field["Package"], field["Version"], field["Section"], field["Priority"], field["Installed-Size"], field["Size"]
    }'
} > packages.csv.new
mv packages.csv.new packages.csv
echo "$(wc -l < packages.csv) lines, $(wc -c < packages.csv) bytes" >&2
