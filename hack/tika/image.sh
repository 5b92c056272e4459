#!/usr/bin/env bash
# Pack Apache Tika's server with Java and Tesseract as an image, from Debian's packages and Maven Central, and print the
# archive's path. It is run as apache/tika is. It is kept between runs.
#
#   image.sh NAME
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$1
directory=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/tika
jar=$("$here/jar.sh")
stamp=$({ echo "$name"; cat "$here"/*.sh; } | sha256sum | cut -c1-12)
archive=$directory/image-$stamp.tar
exec 9>"$directory/lock"
flock 9
if [ -s "$archive" ]; then
  echo "$archive"
  exit
fi

work=$(mktemp -d "$directory/.image-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{packages/partial,root/tmp,image}
apt-cache show tesseract-ocr >/dev/null 2>&1 || apt-get -qq update >&2
# Without a status of what is installed, apt fetches the packages with all that they depend on.
: >"$work/status"
apt-get -qq -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/packages" -o Debug::NoLocking=1 \
  -o APT::Sandbox::User=root --download-only --no-install-recommends -y \
  install openjdk-17-jre-headless tesseract-ocr tesseract-ocr-eng dash libc6 >&2
for package in "$work"/packages/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root"; done
rm -rf "$work"/root/usr/share/{doc,man,locale,info} "$work"/root/{var,dev}
chmod 1777 "$work/root/tmp"
cp "$jar" "$work/root/tika.jar"
java=$(cd "$work/root" && echo usr/lib/jvm/java-17-openjdk-*/bin)
shell=$(cd "$work/root" && echo bin/dash usr/bin/dash | tr ' ' '\n' | while read -r f; do [ ! -e "$f" ] || echo "/$f"; done | head -1)

tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work/root" -cf "$work/image/layer.tar" .
layer=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
cat >"$work/image/config.json" <<J
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
 "config": {"User": "35002:35002", "Env": ["PATH=/$java:/usr/bin:/bin"], "Entrypoint": ["$shell", "-c",
  "exec java -cp /tika.jar org.apache.tika.server.core.TikaServerCli -h 0.0.0.0 \$0 \$@"]}}
J
echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$work/image/manifest.json"
tar -C "$work/image" -cf "$work/archive.tar" manifest.json config.json layer.tar
rm -f "$directory"/image-*.tar
mv "$work/archive.tar" "$archive"
echo "$archive"
