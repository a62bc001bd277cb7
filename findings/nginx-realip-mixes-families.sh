#!/usr/bin/env bash
# nginx writes PROXY headers with one IPv6 and one IPv4 address
#
# Version: nginx 1.22.1-9+deb12u11 with libnginx-mod-stream (Debian 12).
# Behaviour: a stream server that takes a PROXY header itself (`listen … proxy_protocol`, `set_real_ip_from`) and writes one
#   (`proxy_protocol on`) names the client out of the header that it got, and its own listener as the destination. The first word
#   follows the client. When the two are of different families, as behind a balancer that takes IPv6 outside and speaks IPv4 inside, the
#   line is none that the specification allows; Dovecot, Postfix and others close such a connection. nginx logs nothing.
# Seen, for `PROXY TCP6 2001:db8::7 2001:db8::1 1000 143` on an IPv4 listener (the second address is that listener's):
#   PROXY TCP6 2001:db8::7 127.0.0.1 1000 PORT
# Exits with 0 while that holds.
set -euo pipefail

place=$(mktemp -d)
process=
clean_up() {
    [ -z "$process" ] || kill -TERM "$process" 2>/dev/null || true
    [ -z "$process" ] || wait "$process" 2>/dev/null || true
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

cd "$place"
apt-get -qq download nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11
for package in *.deb; do dpkg -x "$package" root; done

read -r front back < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')
cat >nginx.conf <<CONFIGURATION
load_module $place/root/usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid $place/pid;
error_log $place/error.log;
events {}
stream {
    server {
        listen 127.0.0.1:$front proxy_protocol;
        set_real_ip_from 127.0.0.0/8;
        proxy_pass 127.0.0.1:$back;
        proxy_protocol on;
    }
}
CONFIGURATION
root/usr/sbin/nginx -e "$place/error.log" -c "$place/nginx.conf" &
process=$!

line=$(python3 - "$front" "$back" <<'PYTHON'
import socket, sys, time
front, back = map(int, sys.argv[1:])
listener = socket.create_server(("127.0.0.1", back))
listener.settimeout(10)
for _ in range(100):
    try:
        client = socket.create_connection(("127.0.0.1", front))
        break
    except OSError:
        time.sleep(0.1)
client.sendall(b"PROXY TCP6 2001:db8::7 2001:db8::1 1000 143\r\n")
peer, _ = listener.accept()
print(peer.makefile("rb").readline().decode().strip())
PYTHON
)
echo "$line"
[ "$line" = "PROXY TCP6 2001:db8::7 127.0.0.1 1000 $front" ]
