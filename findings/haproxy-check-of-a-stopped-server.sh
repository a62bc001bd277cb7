#!/usr/bin/env bash
# HAProxy's plain `check` never reaches accept(), and calls a process UP that has stopped
#
# Version: HAProxy 2.6.12-1+deb12u4 (Debian 12).
# Behaviour: `server NAME ADDRESS check` in TCP mode connects and resets the connection before the process behind the port can accept it:
#   the kernel's answer to the first packet is all that is asked for. The process gets nothing to log, count or refuse, and a process
#   that stands still (SIGSTOP; a dead lock) is UP as long as its queue of connections has room. The three lines `option tcp-check`,
#   `tcp-check connect`, `tcp-check expect` see the difference.
# Seen:
#   accepted in 4 s of plain checks: 0
#   stopped: plain UP, tcp-check DOWN
# Exits with 0 while that holds.
set -euo pipefail

place=$(mktemp -d)
processes=()
clean_up() {
    if [ "${#processes[@]}" -gt 0 ]; then
        { kill -KILL "${processes[@]}" && wait "${processes[@]}"; } 2>/dev/null || true
    fi
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

cd "$place"
apt-get -qq download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
for package in *.deb; do dpkg -x "$package" root; done
libraries=$(dirname "$(find root -name 'liblua5.3.so.0' | head -n 1)")

# Greets, and writes a line for each connection.
cat >greeter.py <<'PYTHON'
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    peer, _ = listener.accept()
    print("accepted", flush=True)
    try:
        peer.sendall(b"* OK ready\r\n")
        peer.recv(1)
    except OSError:
        pass
    peer.close()
PYTHON
for name in plain asked; do
    python3 greeter.py >"$name.log" &
    processes+=("$!")
    until [ -s "$name.log" ]; do sleep 0.1; done
done

cat >haproxy.cfg <<CONFIGURATION
global
    stats socket $place/stats
defaults
    mode tcp
    timeout connect 2s
    timeout client 2s
    timeout server 2s
backend plain
    server one 127.0.0.1:$(head -n 1 plain.log) check inter 500ms
backend asked
    option tcp-check
    tcp-check connect
    tcp-check expect rstring "^\\\\* OK"
    server one 127.0.0.1:$(head -n 1 asked.log) check inter 500ms
CONFIGURATION
LD_LIBRARY_PATH=$place/$libraries root/usr/sbin/haproxy -db -f haproxy.cfg 2>haproxy.log &
processes+=("$!")

# The word of HAProxy about a backend's server.
state() {
    python3 - "$place/stats" "$1" <<'PYTHON'
import socket, sys
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[1])
    peer.sendall(b"show stat\n")
    for row in peer.makefile():
        if row.startswith(f"{sys.argv[2]},one,"):
            print(row.split(",")[17])
PYTHON
}
until [ -S stats ]; do sleep 0.1; done
sleep 4
accepted=$(grep -c accepted plain.log || true)
echo "accepted in 4 s of plain checks: $accepted"
kill -STOP "${processes[0]}" "${processes[1]}"
sleep 4
plain=$(state plain) asked=$(state asked)
echo "stopped: plain $plain, tcp-check $asked"
[ "$accepted" = 0 ] && [ "$plain" = UP ] && [ "$asked" = DOWN ]
