# Finds out all that a script's requirements need, and prints checksum and place in the repository of each. A constant.
set -eu
. "$JOB/maven.sh"
cp -r "$MAVEN/repository" "$TMP/repository"
chmod -R u+w "$TMP/repository"
mkdir "$TMP/lib"
copy_dependencies "$TMP/repository" "$TMP/lib" >&2
cd "$TMP/lib"
find . -type f -name '*.jar' | sed 's#^\./##' | LC_ALL=C sort | while read -r jar; do sha256sum "$jar"; done
