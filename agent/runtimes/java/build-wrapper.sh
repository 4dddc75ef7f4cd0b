# Compiles what stands around Java scripts. A constant.
set -eu
mkdir "$TMP/classes"
"$JAVA_HOME/bin/javac" -nowarn -XDignore.symbol.file -g -d "$TMP/classes" "$JOB"/*.java
cd "$TMP/classes"
exec "$JAVA_HOME/bin/jar" --create --no-compress --file "$OUT/wrapper.jar" .
