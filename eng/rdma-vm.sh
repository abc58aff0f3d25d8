#!/usr/bin/env bash
# Runs a command on a kernel with RDMA, on a machine that has none: QEMU boots Debian's own kernel, whose software
# driver (rdma_rxe) puts verbs devices on virtual cables, with this machine's files below a layer that is thrown away.
# No KVM, no root, no module on this machine; it takes a few seconds more than the command, which itself runs slowly.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: eng/rdma-vm.sh [OPTION...] -- COMMAND [ARGUMENT...]
       eng/rdma-vm.sh --prepare

The command runs as root in the current folder. Its output comes out here, its exit status is this script's; 124 says
that time ran out, 125 that the machine could not be prepared, 126 that it died.

  --cables N       N pairs of devices rxe0a and rxe0b, rxe1a and rxe1b, …, each pair on the two ends of a cable of its
                   own: interfaces cable0a (10.77.0.1/24) and cable0b (10.77.0.2/24), cable1a (10.77.1.1/24), …; faults
                   are put on with "tc qdisc add dev cable0a root netem …"                         [1]
  --writable DIR   a folder that the command may really write to; may be repeated
  --timeout S      seconds, boot included                                                          [300]
  --memory M       MiB                                                                             [2048]
  --log            print the kernel's log at the end
  --install        install missing packages with apt-get (else they are only named)
  --prepare        fetch the kernel and build the guest, run nothing

Made for Debian and its relatives on x86-64. What is fetched and built is kept in ${XDG_CACHE_HOME:-~/.cache}/exo-rdma-vm.
TEXT
}

stop() { echo "rdma-vm: $*" >&2; exit 125; }

cables=1 timeout=300 memory=2048 log=0 install=0 prepare=0 writable=()
while (( $# )); do
    case $1 in
        --cables) cables=$2; shift ;;
        --writable) writable+=("$(realpath -e -- "$2")"); shift ;;
        --timeout) timeout=$2; shift ;;
        --memory) memory=$2; shift ;;
        --log) log=1 ;;
        --install) install=1 ;;
        --prepare) prepare=1 ;;
        --help | -h) usage; exit 0 ;;
        --) shift; break ;;
        *) usage >&2; stop "unknown argument '$1'; put -- before the command" ;;
    esac
    shift
done
(( prepare || $# )) || { usage >&2; stop "no command"; }
[[ $(uname -sm) == "Linux x86_64" ]] || stop "only Linux on x86-64 can be the host"

# ---- what this machine needs ----------------------------------------------------------------------------------------
declare -A package_of=([qemu-system-x86_64]=qemu-system-x86 [busybox]=busybox-static [cpio]=cpio [modprobe]=kmod
                       [xz]=xz-utils [rdma]=iproute2 [ibv_devinfo]=ibverbs-utils [ib_send_lat]=perftest)
missing=()
for tool in "${!package_of[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("${package_of[$tool]}")
done
[[ -e /usr/lib/x86_64-linux-gnu/libibverbs.so.1 ]] || missing+=(libibverbs1 ibverbs-providers)
if (( ${#missing[@]} )); then
    (( install )) || stop "missing packages; run: sudo apt-get install --no-install-recommends ${missing[*]} (or give --install)"
    as_root=(); (( EUID == 0 )) || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null ||
        stop "apt-get could not install ${missing[*]}"
fi
export PATH=$PATH:/usr/sbin:/sbin
file -L "$(command -v busybox)" 2>/dev/null | grep -q 'dynamically' && stop "busybox is not static; install busybox-static"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- the guest: a kernel, and a first root file system with the modules ----------------------------------------------
modules=(virtio_pci virtio_console 9p 9pnet_virtio overlay veth sch_netem crc32_generic ib_uverbs rdma_rxe)

# The first process. It makes the host's files the root and hands over to run-command there.
first_process() {
    cat <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /host /layer /exchange /new
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs dev /dev
exec >/dev/console 2>&1 </dev/null
give_up() { echo "guest: $*"; poweroff -f; }
while read -r module; do insmod "/modules/$module" || echo "guest: no $module"; done </modules/list
echo "guest: modules loaded"
share=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o "$share" exchange /exchange || give_up "no exchange folder"
mount -t 9p -o "$share,ro,cache=loose" root /host || give_up "no host files"
mount -t tmpfs -o size=70% layer /layer && mkdir /layer/files /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/files,workdir=/layer/work,index=off,metacopy=off overlay /new || give_up "no overlay"
for folder in proc sys dev; do mount --move /$folder /new/$folder; done
mkdir -p /new/dev/pts /new/dev/shm /new/run
chroot /new /bin/sh -c 'mount -t devpts -o ptmxmode=666 devpts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run; ln -sf /proc/self/fd /dev/fd'
mkdir -p /new/run/exchange
mount --move /exchange /new/run/exchange
number=0
while read -r folder; do
    mkdir -p "/new$folder"
    mount -t 9p -o "$share,cache=mmap" "writable$number" "/new$folder" || give_up "cannot share $folder"
    number=$((number + 1))
done </new/run/exchange/writable
cp /bin/busybox /new/run/busybox
echo "guest: files mounted"
exec chroot /new /bin/bash /run/exchange/run-command
INIT
}

# The kernel without its decompressor, which would take most of the boot under emulation. The offsets are those of the
# x86 boot protocol: how many sectors of set-up code, and where behind them the payload lies.
unpack_kernel() {
    local image=$1 target=$2 sectors start length
    sectors=$(od -An -tu1 -j497 -N1 "$image")
    start=$(od -An -tu4 -j584 -N4 "$image")
    length=$(od -An -tu4 -j588 -N4 "$image")
    tail -c +$(( (sectors + 1) * 512 + start + 1 )) "$image" | head -c $(( length - 4 )) >"$work/payload" || true
    case $(od -An -tx1 -N4 "$work/payload" | tr -d ' \n') in
        fd377a58*) xz -dc --single-stream "$work/payload" >"$target" ;;
        28b52ffd*) zstd -qdc "$work/payload" >"$target" ;;
        1f8b*) gzip -dc "$work/payload" >"$target" ;;
        *) stop "the kernel is compressed in a way that this script does not know" ;;
    esac
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/exo-rdma-vm
recipe=$( { first_process; echo "${modules[@]}"; declare -f unpack_kernel; } | sha256sum | cut -c1-16)
guest=$cache/$recipe
if [[ ! -e $guest/ready ]]; then
    kernel=linux-image-amd64
    while next=$(apt-cache depends --important "$kernel" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }')
          [[ -n $next ]]; do
        kernel=$next
    done
    echo "rdma-vm: fetching $kernel" >&2
    ( cd "$work" && apt-get download -qq "$kernel" 2>/dev/null ) || stop "apt-get could not download $kernel; run 'apt-get update'"
    dpkg-deb -x "$work"/linux-image-*.deb "$work/kernel"
    [[ -d $work/kernel/lib/modules ]] || ln -s usr/lib "$work/kernel/lib"
    release=$(ls "$work/kernel/lib/modules")
    depmod -b "$work/kernel" "$release"
    mkdir -p "$work/first/bin" "$work/first/modules" "$guest.new"
    cp "$(command -v busybox)" "$work/first/bin/busybox"
    first_process >"$work/first/init"
    chmod +x "$work/first/init"
    for module in "${modules[@]}"; do
        modprobe -d "$work/kernel" -S "$release" --show-depends "$module" || stop "kernel $release has no module $module"
    done | awk '$1 == "insmod" && !($2 in seen) { seen[$2]; print $2 }' | while read -r path; do
        name=$(basename "$path")
        case $name in
            *.xz) xz -dc "$path" >"$work/first/modules/${name%.xz}"; name=${name%.xz} ;;
            *.zst) zstd -qdc "$path" >"$work/first/modules/${name%.zst}"; name=${name%.zst} ;;
            *) cp "$path" "$work/first/modules/" ;;
        esac
        echo "$name" >>"$work/first/modules/list"
    done
    unpack_kernel "$work/kernel/boot/vmlinuz-$release" "$guest.new/kernel"
    ( cd "$work/first" && find . | cpio -o -H newc --quiet ) >"$guest.new/first.cpio"
    touch "$guest.new/ready"
    rm -rf "$guest"
    mv "$guest.new" "$guest"
    rm -rf "$work/kernel" "$work/first"
fi
(( prepare )) && { echo "rdma-vm: ready in $guest"; exit 0; }

# ---- one run ----------------------------------------------------------------------------------------------------------
exchange=$work/exchange
mkdir "$exchange"
printf '%s\n' "${writable[@]}" | sed '/^$/d' >"$exchange/writable"
{
    printf 'cables=%q folder=%q\n' "$cables" "$PWD"
    export -p | grep -E '^declare -x (PATH|HOME|LANG|USER|(DOTNET|NUGET|EXO)_[A-Z_]*)=' || true
    cat <<'RUN'
echo "guest: making cables"
ulimit -l unlimited
hostname rdma-vm
ip link set lo up
# Both ends of a cable are on this one machine, and traffic between its own addresses would never leave it. So what is
# bound to one end gets a routing table of its own, which is asked before the table of local addresses.
sysctl -qw net.ipv4.conf.all.rp_filter=0
ip rule add pref 30000 lookup local
ip rule del pref 0
n=0
while [ "$n" -lt "$cables" ]; do
    ip link add "cable${n}a" mtu 4200 type veth peer name "cable${n}b" mtu 4200
    for end in a b; do
        here=cable$n$end
        case $end in a) mine=1 theirs=2 other=b ;; b) mine=2 theirs=1 other=a ;; esac
        sysctl -qw "net.ipv4.conf.$here.accept_local=1" "net.ipv4.conf.$here.rp_filter=0"
        ip addr add "10.77.$n.$mine/24" dev "$here"
        ip link set "$here" up
        ip rule add pref $((2000 + 10 * n + mine)) oif "$here" lookup $((2000 + 10 * n + mine))
        ip neigh replace "10.77.$n.$theirs" lladdr "$(cat "/sys/class/net/cable$n$other/address")" dev "$here"
    done
    ip route add "10.77.$n.0/24" dev "cable${n}a" src "10.77.$n.1" table $((2000 + 10 * n + 1))
    ip route add "10.77.$n.0/24" dev "cable${n}b" src "10.77.$n.2" table $((2000 + 10 * n + 2))
    rdma link add "rxe${n}a" type rxe netdev "cable${n}a"
    rdma link add "rxe${n}b" type rxe netdev "cable${n}b"
    n=$((n + 1))
done
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = output ] && output=/dev/$(basename "$port")
done
echo "guest: running the command"
( cd "$folder" && exec bash /run/exchange/command ) >"$output" 2>&1 </dev/null
echo $? >/run/exchange/status
/run/busybox sync
exec /run/busybox poweroff -f
RUN
} >"$exchange/run-command"
{ printf 'exec'; printf ' %q' "$@"; echo; } >"$exchange/command"

qemu=(-nodefaults -no-user-config -display none -no-reboot -machine q35 -accel tcg,thread=multi -cpu max
      -m "$memory" -smp "$(( $(nproc) < 4 ? $(nproc) : 4 ))"
      -kernel "$guest/kernel" -initrd "$guest/first.cpio"
      -append "console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr random.trust_cpu=on"
      -chardev "file,id=log,path=$work/log" -serial chardev:log
      -device virtio-serial-pci -chardev "file,id=output,path=$work/output" -device virtserialport,chardev=output,name=output
      -device virtio-rng-pci
      -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap
      -virtfs "local,path=$exchange,mount_tag=exchange,security_model=none")
for number in "${!writable[@]}"; do
    qemu+=(-virtfs "local,path=${writable[$number]},mount_tag=writable$number,security_model=none,multidevs=remap")
done
# The output comes through a pipe: written by QEMU as by a file of its own, so that the port is never seen as closed.
mkfifo "$work/output"
cat <"$work/output" &
reader=$!
ended=0
timeout --kill-after=5 "$timeout" qemu-system-x86_64 "${qemu[@]}" </dev/null 2>"$work/errors" || ended=$?
if [[ -e $work/log ]]; then wait "$reader" || true; else kill "$reader" 2>/dev/null || true; fi # Without a log QEMU never opened the pipe.
if (( log )) || [[ ! -s $exchange/status ]]; then
    tail -n 60 "$work/log" | tr -d '\r' >&2 || true
    cat "$work/errors" >&2
fi
[[ -s $exchange/status ]] && exit "$(cat "$exchange/status")"
(( ended == 124 || ended == 137 )) && { echo "rdma-vm: $timeout s have passed" >&2; exit 124; }
echo "rdma-vm: the guest died" >&2
exit 126
