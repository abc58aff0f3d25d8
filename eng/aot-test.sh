#!/usr/bin/env bash
# Publishes tests/Exo.AotProgram ahead of time for this platform and runs it: a whole cluster, in one process and with a child
# process, without the runtime's compiler. Every package is compiled as a whole, and a warning of the trimmer is an error.
# Needs a native linker (gcc or clang; on macOS Xcode's command line tools); where none is installed and none can be, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

has_linker() { command -v clang >/dev/null || command -v gcc >/dev/null; }
if ! has_linker && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "aot-test: installing gcc"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev zlib1g-dev >/dev/null; } || true
fi
if ! has_linker; then
    echo "aot-test: SKIPPED: there is no native linker (gcc or clang), and none could be installed" >&2
    exit 0
fi

out=artifacts/aot
rm -rf "$out"
dotnet publish tests/Exo.AotProgram -c Release --use-current-runtime -o "$out" -v q --nologo
timeout 60 "$out/Exo.AotProgram"
