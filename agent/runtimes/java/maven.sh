# Calls Maven's own tool for copying dependencies. A constant.
# The operator's settings, as text.
settings=
if [ -n "${MAVEN_SETTINGS_XML:-}" ]; then
  printf '%s\n' "$MAVEN_SETTINGS_XML" > "$TMP/settings.xml"
  settings="-s $TMP/settings.xml"
fi
copy_dependencies() {
  "$MVN" -q -B -ntp $settings -f "$JOB/pom.xml" -Dmaven.repo.local="$1" -Dstyle.color=never \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -Dmdep.useRepositoryLayout=true -DoutputDirectory="$2" -Dorg.slf4j.simpleLogger.showDateTime=false
}
