#!/bin/bash
# Counts, section by section, the packages that are more (or less) than optional. Whatever a Bash script prints last is its
# result; here one line of JSON. Arguments are the positional parameters, by the names that they are given here.

csv="$1"
# Debian gave this priority up; it now means the usual one.
obsolete="${2:-extra}"
usual="${3:-optional}"

echo "reading $(grep -c , <<< "$csv") lines; $obsolete counts as $usual" >&2

awk -F , -v obsolete="$obsolete" -v usual="$usual" '
  NR == 1 || NF < 4 { next }
  # A package is counted once, however many versions are listed.
  $1 in seen { again++; next }
  {
    seen[$1]
    total++
    changed += $4 == obsolete
    if ($4 == usual || $4 == obsolete) next
    if (!($3 in sections)) { sections[$3]; order[++count] = $3 }
    if (!($4 in priorities)) { priorities[$4]; names[++kinds] = $4 }
    number[$3, $4]++
  }
  END {
    printf "%d packages; %d lines named one again, %d had an obsolete priority\n", total, again, changed
    printf "{"
    for (s = 1; s <= count; s++) {
      printf "%s\"%s\":{", s == 1 ? "" : ",", order[s]
      separator = ""
      for (p = 1; p <= kinds; p++) {
        if (!((order[s], names[p]) in number)) continue
        printf "%s\"%s\":%d", separator, names[p], number[order[s], names[p]]
        separator = ","
      }
      printf "}"
    }
    print "}"
  }' <<< "$csv"
