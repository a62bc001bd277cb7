#!/usr/bin/env bash
# The CPUs of data cores.
#
#   cpu.sh governor CPUS   cpu.sh governor 0-2   full speed; lasts until the next boot
#   cpu.sh isolate CPUS                          tells what to add to the kernel's command line, and changes nothing
#   cpu.sh undo                                  governors as they were before the first call since the boot
#
# Needs root. HALE_ROOT: another root than /, for trials.
set -euo pipefail

root=${HALE_ROOT:-}
folder=$root/sys/devices/system/cpu
kept=$root/run/hale-governors

usage() {
    sed -n '4,6s/^# *//p' "$0" >&2
    exit 64
}

# 0-2,5 -> 0 1 2 5
cpus_of() {
    local part
    for part in ${1//,/ }; do
        case $part in
            *-*) seq "${part%-*}" "${part#*-}" ;;
            *) echo "$part" ;;
        esac
    done
}

governor() {
    local cpu file
    for cpu in $(cpus_of "$1"); do
        file=$folder/cpu$cpu/cpufreq/scaling_governor
        if [ ! -e "$file" ]; then
            echo "cpu.sh: CPU $cpu has no governor: a virtual machine's is its host's" >&2
            continue
        fi
        mkdir -p "$root/run"
        grep -q "^$cpu " "$kept" 2>/dev/null || echo "$cpu $(cat "$file")" >>"$kept"
        echo performance >"$file"
        echo "CPU $cpu: $(cat "$file")"
    done
}

isolate() {
    [ -n "$(cpus_of "$1")" ] || usage
    cat <<END
Add to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub and boot:
  isolcpus=managed_irq,domain,$1 nohz_full=$1 rcu_nocbs=$1
To hale.conf, so that the control core stays on a CPU that is not isolated:
  data_cores = $1
And to the unit (systemctl edit hale), because services are kept off isolated CPUs:
  [Service]
  CPUAffinity=$(cat "$folder/present")
Programs then run there only if they ask for it, as Hale's data cores do. Keep CPU 0 out of it: the kernel's own work is there.
END
}

undo() {
    local cpu before
    if [ ! -e "$kept" ]; then
        echo "cpu.sh: nothing is kept: no governor was changed since the boot" >&2
        exit 1
    fi
    while read -r cpu before; do
        echo "$before" >"$folder/cpu$cpu/cpufreq/scaling_governor"
        echo "CPU $cpu: $before"
    done <"$kept"
    rm -f "$kept"
}

case ${1:-} in
    governor | isolate) [ $# -eq 2 ] || usage; "$1" "$2" ;;
    undo) [ $# -eq 1 ] || usage; undo ;;
    *) usage ;;
esac
