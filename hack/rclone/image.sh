#!/usr/bin/env bash
# Pack Debian's rclone as an image, and print the archive's path. It is run as rclone/rclone is. It is kept between runs.
#
#   image.sh NAME
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../debian.sh"
name=$1
directory=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/rclone
mkdir -p "$directory"
stamp=$({ echo "$name"; cat "$here"/image.sh "$here"/../debian.sh; } | sha256sum | cut -c1-12)
archive=$directory/image-$stamp.tar
exec 9>"$directory/lock"
flock 9
if [ ! -s "$archive" ]; then
  work=$(mktemp -d "$directory/.image-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  rm -f "$directory"/image-*.tar
  unpack_packages "$work/root" rclone ca-certificates libc6
  pack_image "$work/root" "$name" '{"User": "1009:1009", "Env": ["PATH=/usr/bin"], "Entrypoint": ["rclone"]}' "$archive"
fi
echo "$archive"
