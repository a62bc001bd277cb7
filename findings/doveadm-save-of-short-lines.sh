#!/usr/bin/env bash
# Dovecot's `doveadm save -S` loses a message of many short lines, and then waits for ever
#
# Version: Dovecot 2.3.19.1 (Debian 12, dovecot-core 1:2.3.19.1+dfsg1-2.1+deb12u7); it has to be installed.
# Behaviour: `doveadm save -S HOST:PORT` hands over a message that has 10,000 lines of two letters, and stops in the middle of it with
#   `lseek() failed: Illegal seek`, whatever the server is. It does not end: it waits for an answer, and the server for the rest of the message
#   (a Dovecot for five minutes). The same bytes with longer lines, or with CRLF at their ends, go through.
# Seen:
#   long lines: the message came whole, doveadm ended with 0
#   short lines: the message stopped, doveadm ended with 124 and said: doveadm(bob): Error: write(127.0.0.1:PORT) failed: lseek() failed: Illegal seek
# (124: it hung, and was ended after five seconds.) Exits with 0 while that holds.
set -euo pipefail

place=$(mktemp -d)
server=
clean_up() {
    if [ -n "$server" ]; then
        { kill -KILL "$server" && wait "$server"; } 2>/dev/null || true
    fi
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

cd "$place"
# Answers as a doveadm of minor version 0 does, when the line that is a dot has come.
cat >server.py <<'PYTHON'
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    peer, _ = listener.accept()
    lines = peer.makefile("rb")
    lines.readline()
    peer.sendall(b"-\n")
    lines.readline()
    peer.sendall(b"+\n")
    lines.readline()
    for line in lines:
        if line in (b".\n", b".\r\n"):
            print("whole", flush=True)
            peer.sendall(b"\n+\n")
            break
    else:
        print("stopped", flush=True)
    peer.close()
PYTHON
python3 server.py >server.log &
server=$!
until [ -s server.log ]; do sleep 0.1; done
port=$(head -n 1 server.log)
python3 -c 'print("Subject: long\n\n" + ("hi " * 23 + "\n") * 430)' >long
python3 -c 'print("Subject: short\n\n" + "hi\n" * 10000)' >short
save() {
    timeout 5 doveadm -O -o doveadm_password=secret -o stats_writer_socket_path= \
        save -S "127.0.0.1:$port" -u bob -m INBOX <"$1" >"$1.log" 2>&1 || echo $?
}
long=$(save long)
short=$(save short)
until [ "$(wc -l <server.log)" = 3 ]; do sleep 0.1; done
echo "long lines: the message came $(sed -n 2p server.log), doveadm ended with ${long:-0}"
echo "short lines: the message $(sed -n 3p server.log), doveadm ended with ${short:-0} and said: $(head -n 1 short.log)"
[ -z "$long" ] && [ "$short" = 124 ] && grep -q 'Illegal seek' short.log && [ "$(sed -n 3p server.log)" = stopped ]
