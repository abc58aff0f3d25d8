#!/usr/bin/env bash
# Tests RDMA on a real kernel driver, on any x86-64 Debian machine: builds the native shim, walks through it under
# valgrind, publishes the tests compiled ahead of time, and runs them in eng/rdma-vm.sh, with the driver's own message
# latency for comparison. Takes some minutes, because the virtual machine is emulated.
#
#     eng/rdma-tests.sh                                  # everything
#     eng/rdma-tests.sh 'FullyQualifiedName~LimitTests'  # a test filter
set -euo pipefail
cd "$(dirname "$0")/.."
filter=${1:-FullyQualifiedName~Exo.Sdk.Rdma.Tests.Driver}

eng/build-native.sh --require
native=$PWD/artifacts/native/linux-x64
echo "== the shim against the verbs library in memory"
"$native/tests/exo_rdma_selftest" "$native/tests/libfake_verbs.so"
if command -v valgrind >/dev/null; then
    valgrind -q --leak-check=full --errors-for-leak-kinds=definite,possible --error-exitcode=9 \
        "$native/tests/exo_rdma_selftest" "$native/tests/libfake_verbs.so"
else
    echo "valgrind is not installed: the shim is not checked for memory errors"
fi

echo "== publish the tests"
published=$PWD/artifacts/rdma-tests
rm -rf "$published"
dotnet publish tests/Exo.Sdk.Rdma.Tests -c Release -r linux-x64 --self-contained false -p:PublishReadyToRun=true -o "$published" -v q --nologo

cat >"$published/in-guest.sh" <<'GUEST'
set -uo pipefail
cd "$(dirname "$0")"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
status=0
echo "== the shim against the driver"
"$1/tests/exo_rdma_selftest" libibverbs.so.1 --real || status=1
if command -v valgrind >/dev/null; then
    valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        --show-leak-kinds=definite "$1/tests/exo_rdma_selftest" libibverbs.so.1 --real || status=1
fi

# It polls without a pause, which starves the software driver on few processors: -e waits for events, as our tests do.
if [[ -z $3 ]]; then
    for kind in RC UC; do
        for size in 4096 16384; do
            ib_send_lat -e -d rxe0b -x 1 -s "$size" -n 500 -c "$kind" >/dev/null 2>&1 &
            sleep 3
            ib_send_lat -e -d rxe0a -x 1 -s "$size" -n 500 -c "$kind" 127.0.0.1 2>/dev/null |
                awk -v kind="$kind" '$1 ~ /^[0-9]+$/ && NF > 8 { printf "ib_send_lat -e, %s, %d bytes one way: best %.0f us, typical %.0f us, mean %.0f us\n", kind, $1, $3, $5, $6 }'
            wait
        done
    done
fi

echo "== the tests"
dotnet vstest Exo.Sdk.Rdma.Tests.dll "--logger:console;verbosity=detailed" "--TestCaseFilter:$2" | grep -v '^\[xUnit' || status=1
exit "$status"
GUEST
exec eng/rdma-vm.sh --install --cables 5 --memory 3072 --timeout 1500 -- bash "$published/in-guest.sh" "$native" "$filter" "${1:-}"
