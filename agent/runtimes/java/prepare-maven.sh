# Downloads the tool that copies dependencies. A constant.
set -eu
. "$JOB/maven.sh"
copy_dependencies "$OUT/repository" "$TMP/lib"
