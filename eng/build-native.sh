#!/usr/bin/env bash
# Builds the native code of this machine's platform into artifacts/native/<rid>, from where the packages and the tests
# take it. Linux and macOS; needs cmake and a C compiler. Without them it says so and ends well: everything else builds
# without native code, and RDMA then says at run time that it is missing. With --require that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

require=0
[[ ${1:-} == --require ]] && require=1
give_up() {
    echo "build-native: $1; nothing native is built and the packages will lack it" >&2
    exit "$require"
}

case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=osx ;;
    *) give_up "$(uname -s) has no RDMA library that this project uses" ;;
esac
case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) give_up "processor $(uname -m) is not one that packages are made for" ;;
esac
command -v cmake >/dev/null || give_up "cmake is not installed"
command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || give_up "no C compiler is installed"

rid=$os-$arch
build=artifacts/native/build/$rid
mkdir -p "$build"
cmake -S native/exo_rdma -B "$build" -DCMAKE_BUILD_TYPE=Release >"$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; exit 1; }
cmake --build "$build"
mkdir -p "artifacts/native/$rid/tests"
cp "$build"/libexo_rdma.* "artifacts/native/$rid/"
# For tests only, never packed.
for test in "$build"/libfake_verbs.* "$build"/exo_rdma_selftest; do
    [[ -e $test ]] && cp "$test" "artifacts/native/$rid/tests/"
done
echo "build-native: artifacts/native/$rid"
