# Finds out which modules a script needs and prints go.mod and go.sum. A constant.
set -eu
mkdir -p "$TMP/src/inner"
cp "$JOB/main.go" "$TMP/src/inner/"
cp "$JOB/go.mod" "$TMP/src/"
cd "$TMP/src"
"$GO" mod tidy
echo "-- go.mod --"
cat go.mod
echo "-- go.sum --"
[ ! -e go.sum ] || cat go.sum
