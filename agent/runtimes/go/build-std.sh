# Compiles packages of the standard library into a cache, which is the artifact. A constant.
set -eu
export GOCACHE="$OUT/cache"
exec "$GO" build $PACKAGES
