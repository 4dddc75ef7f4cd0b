# Go writes into its cache: a folder of names for what is compiled already. A constant.
use_cache() {
  cp -rsf "$1/cache" "$(dirname "$2")/"
  find "$2" -type d -exec chmod u+w {} +
  # Otherwise it throws away what is older than five days.
  rm -f "$2/trim.txt"
  date +%s > "$2/trim.txt"
}
