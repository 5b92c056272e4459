#!/usr/bin/env bash
# Pack Apache Tika's server with Java and Tesseract as an image, from Debian's packages and Maven Central, and print the
# archive's path. It is run as apache/tika is. It is kept between runs.
#
#   image.sh NAME
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../debian.sh"
name=$1
directory=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/tika
jar=$("$here/jar.sh")
stamp=$({ echo "$name"; cat "$here"/*.sh "$here"/../debian.sh; } | sha256sum | cut -c1-12)
archive=$directory/image-$stamp.tar
exec 9>"$directory/lock"
flock 9
if [ -s "$archive" ]; then
  echo "$archive"
  exit
fi

work=$(mktemp -d "$directory/.image-XXXXXX")
trap 'rm -rf "$work"' EXIT
unpack_packages "$work/root" tesseract-ocr tesseract-ocr-eng openjdk-17-jre-headless dash libc6
cp "$jar" "$work/root/tika.jar"
java=$(cd "$work/root" && echo usr/lib/jvm/java-17-openjdk-*/bin)
shell=$(cd "$work/root" && echo bin/dash usr/bin/dash | tr ' ' '\n' | while read -r f; do [ ! -e "$f" ] || echo "/$f"; done | head -1)
rm -f "$directory"/image-*.tar
pack_image "$work/root" "$name" '{"User": "35002:35002", "Env": ["PATH=/'"$java"':/usr/bin:/bin"],
  "Entrypoint": ["'"$shell"'", "-c", "exec java -cp /tika.jar org.apache.tika.server.core.TikaServerCli -h 0.0.0.0 $0 $@"]}' "$archive"
echo "$archive"
