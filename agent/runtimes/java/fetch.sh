# Downloads the jars of a lock and compares their checksums. A constant.
set -eu
. "$JOB/maven.sh"
cp -r "$MAVEN/repository" "$TMP/repository"
chmod -R u+w "$TMP/repository"
mkdir "$TMP/lib" "$OUT/lib"
copy_dependencies "$TMP/repository" "$TMP/lib" >&2
cd "$TMP/lib"
sha256sum --quiet --strict -c "$JOB/lock.txt"
while read -r _ jar; do cp "$jar" "$OUT/lib/$(printf %s "$jar" | tr / _)"; done < "$JOB/lock.txt"
