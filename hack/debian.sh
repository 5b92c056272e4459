# Sourced by what packs an image from Debian's packages.

# unpack_packages ROOT PACKAGE... unpacks packages with all that they depend on. It needs an empty directory beside ROOT.
unpack_packages() {
  local root=$1 work package
  work=$(mktemp -d "$(dirname "$root")/packages-XXXXXX")
  shift
  mkdir -p "$root/tmp" "$work/partial"
  apt-cache show "$1" >/dev/null 2>&1 || apt-get -qq update >&2
  # Without a status of what is installed, apt fetches the packages with all that they depend on.
  : >"$work/status"
  apt-get -qq -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User=root --download-only --no-install-recommends -y install "$@" >&2
  for package in "$work"/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root"; done
  rm -rf "$work" "$root"/usr/share/{doc,man,locale,info} "$root"/{var,dev}
  chmod 1777 "$root/tmp"
}

# pack_image ROOT NAME CONFIG ARCHIVE packs a directory as an image; CONFIG is the JSON of how it is run.
pack_image() {
  local root=$1 name=$2 config=$3 archive=$4 image layer
  image=$(mktemp -d "$(dirname "$root")/image-XXXXXX")
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$root" -cf "$image/layer.tar" .
  layer=$(sha256sum "$image/layer.tar" | cut -d' ' -f1)
  cat >"$image/config.json" <<J
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
 "config": $config}
J
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$image/manifest.json"
  tar -C "$image" -cf "$archive.new" manifest.json config.json layer.tar
  mv "$archive.new" "$archive"
}
