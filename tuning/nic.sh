#!/usr/bin/env bash
# A network card's queues and interrupts, one of each for each data core.
#
#   nic.sh CARD CPUS       nic.sh eth0 0-2      as many queues as CPUs, interrupt after interrupt to the next CPU
#   nic.sh undo CARD                            as it was before the first call since the boot
#   nic.sh show CARD
#
# Needs root, and ethtool to change the number of queues. It lasts until the next boot: call it from a unit. irqbalance moves interrupts
# back unless it is told to leave them (IRQBALANCE_BANNED_CPULIST, or --banirq), so it is named when it runs.
# HALE_ROOT: another root than /, for trials.
set -euo pipefail

root=${HALE_ROOT:-}
kept=$root/run/hale-nic

complain() {
    echo "nic.sh: $*" >&2
    exit 1
}

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

# The numbers of a card's interrupts, in order. A virtio card's are those of the device that carries it.
interrupts_of() {
    local device=$root/sys/class/net/$1/device folder
    for folder in "$device/msi_irqs" "$device/../msi_irqs"; do
        if [ -d "$folder" ]; then
            find "$folder/" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n
            return
        fi
    done
}

# The present, and the most there may be. Nothing: they cannot be changed here. In a trial the card is not this host's.
queues_of() {
    if [ -n "$root" ] || ! command -v ethtool >/dev/null; then return; fi
    { ethtool -l "$1" 2>/dev/null || true; } | awk -v wanted="$2" '
        /^Pre-set/ { part = "most" }
        /^Current/ { part = "now" }
        /^Combined:/ && part == wanted { print $2 }'
}

show() {
    local card=$1 interrupt file
    echo "$card: $(find "$root/sys/class/net/$card/queues/" -mindepth 1 -maxdepth 1 -name 'rx-*' | wc -l) receive queues"
    for interrupt in $(interrupts_of "$card"); do
        file=$root/proc/irq/$interrupt/smp_affinity_list
        [ ! -r "$file" ] || echo "interrupt $interrupt: CPU $(cat "$file")"
    done
}

# What there is now, once.
keep() {
    local card=$1 interrupt
    [ ! -e "$kept/$card" ] || return 0
    mkdir -p "$kept"
    {
        echo "queues $(queues_of "$card" now)"
        for interrupt in $(interrupts_of "$card"); do
            echo "interrupt $interrupt $(cat "$root/proc/irq/$interrupt/smp_affinity_list" 2>/dev/null || true)"
        done
    } >"$kept/$card.new"
    mv "$kept/$card.new" "$kept/$card"
}

spread() {
    local card=$1 cpus most wanted at=0 interrupt moved=0
    mapfile -t cpus < <(cpus_of "$2")
    [ "${#cpus[@]}" -gt 0 ] || usage
    keep "$card"
    most=$(queues_of "$card" most)
    wanted=${#cpus[@]}
    if [ -n "$most" ] && [ "$most" != n/a ]; then
        [ "$wanted" -le "$most" ] || wanted=$most
        [ "$(queues_of "$card" now)" = "$wanted" ] || ethtool -L "$card" combined "$wanted"
    else
        echo "nic.sh: the number of queues of $card cannot be changed here: ethtool -l $card says why, where ethtool is installed" >&2
    fi
    for interrupt in $(interrupts_of "$card"); do
        # Some belong to the kernel (management, errors) and stay where they are.
        if echo "${cpus[at % ${#cpus[@]}]}" 2>/dev/null >"$root/proc/irq/$interrupt/smp_affinity_list"; then
            at=$((at + 1))
            moved=$((moved + 1))
        fi
    done
    echo "$card: $moved interrupts at CPU $2"
    if [ -z "$root" ] && pidof irqbalance >/dev/null; then
        echo "nic.sh: irqbalance runs and will move them: systemctl disable --now irqbalance, or ban these interrupts" >&2
    fi
}

undo() {
    local card=$1 kind first second
    [ -r "$kept/$card" ] || complain "nothing of $card is kept: it was not changed since the boot"
    while read -r kind first second; do
        case $kind in
            queues)
                case $first in
                    '' | n/a) ;;
                    *) [ "$(queues_of "$card" now)" = "$first" ] || ethtool -L "$card" combined "$first" ;;
                esac ;;
            interrupt) { echo "$second" >"$root/proc/irq/$first/smp_affinity_list"; } 2>/dev/null || true ;;
        esac
    done <"$kept/$card"
    rm -f "$kept/$card"
    show "$card"
}

[ $# -eq 2 ] || usage
case $1 in
    undo | show) action=$1 card=$2 ;;
    *) action=spread card=$1 ;;
esac
[ -e "$root/sys/class/net/$card" ] || complain "there is no card $card"
case $action in
    spread) spread "$card" "$2" ;;
    *) "$action" "$card" ;;
esac
