# Compiles a script. A constant: what comes from the tenant is in the files.
set -eu
exec "$JAVA_HOME/bin/java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xshare:auto -Xmx1g \
  -cp "$WRAPPER/wrapper.jar" millrace.Build "$JOB/main.java" "$OUT/program.jar" "$LIBRARIES"
