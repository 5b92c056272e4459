#!/usr/bin/env bash
# Print the path of Apache Tika's server, a jar from Maven Central. It is kept between runs.
set -euo pipefail
artifact=org.apache.tika:tika-server-standard:3.3.2
directory=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/tika
jar=$directory/tika-server-standard-3.3.2.jar
if [ ! -s "$jar" ]; then
  mkdir -p "$directory"
  exec 9>"$directory/lock"
  flock 9
  [ -s "$jar" ] || mvn -B -q dependency:copy -Dartifact=$artifact -DoutputDirectory="$directory" >&2
fi
echo "$jar"
