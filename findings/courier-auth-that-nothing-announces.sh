#!/usr/bin/env bash
# Courier takes a password with a tab by AUTHENTICATE and AUTH only, and announces neither
#
# Version: courier-imap 5.0.13+1.0.16-3+b6, courier-pop 1.0.16-3+b6 (Debian 12), without TLS, Debian's settings.
# Behaviour: a password that holds a tab is wrong in LOGIN, between quotes and as a literal, and in PASS. By SASL PLAIN it is right. But
#   no AUTH= is in CAPABILITY and no SASL in CAPA; the commands work all the same. A proxy that goes by what is announced cannot log such
#   a user in; one that asks (AUTHENTICATE PLAIN without a response, which gives nothing away) can.
# Seen:
#   imap: announced 0, LOGIN "..." NO, LOGIN {n} NO, AUTHENTICATE PLAIN OK
#   pop3: announced 0, PASS -ERR, AUTH PLAIN +OK
# Exits with 0 while that holds. Needs root, for chroot.
set -euo pipefail

place=$(mktemp -d)
chmod 755 "$place"
root=$place/root
clean_up() {
    # Courier's daemons have groups of their own: whose root this is ends.
    local process found=1
    while [ "$found" = 1 ]; do
        found=0
        for process in /proc/[0-9]*; do
            if [ "$process/root" -ef "$root" ]; then
                kill -KILL "${process#/proc/}" 2>/dev/null && found=1
            fi
        done
    done
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

mkdir -p "$root/dev" "$place/lists/partial" "$place/archives/partial"
: >"$place/status"
apt=(apt-get -qq --yes -o "Dir::State=$place" -o "Dir::State::status=$place/status" -o "Dir::Cache=$place"
    -o APT::Sandbox::User= -o APT::Install-Recommends=false)
"${apt[@]}" update
"${apt[@]}" install --download-only dash coreutils courier-imap=5.0.13+1.0.16-3+b6 courier-pop=1.0.16-3+b6 courier-authdaemon \
    courier-authlib-userdb >/dev/null
for package in "$place"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
done

mknod -m 666 "$root/dev/null" c 1 3
printf '%s\n' root:x:0:0::/:/bin/sh courier:x:901:901::/:/bin/sh vmail:x:902:902::/:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: courier:x:901: vmail:x:902: >"$root/etc/group"
mkdir -p "$root"/mail/tim/Maildir/{cur,new,tmp} "$root/run/courier/authdaemon"
chown -R 902:902 "$root/mail"
chown 901:901 "$root/run/courier/authdaemon"
hash=$(printf 'a\ttab' | openssl passwd -6 -stdin)
printf 'tim\tuid=902|gid=902|home=/mail/tim|systempw=%s\n' "$hash" >"$root/etc/courier/userdb"
chmod 700 "$root/etc/courier/userdb"
LC_ALL=C chroot "$root" /usr/sbin/makeuserdb
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' "$root/etc/courier/authdaemonrc"
# Two ports that are free.
read -r imap pop3 < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))')
start() { chroot "$root" /bin/sh -c "$1" >>"$place/log" 2>&1 & disown; }
start 'authdaemonvar=/run/courier/authdaemon exec /usr/lib/courier/courier-authlib/authdaemond'
tcpd="exec /usr/sbin/couriertcpd -nodnslookup -noidentlookup -maxprocs=9 -maxperip=9 -address=127.0.0.1"
start "set -a; . /etc/courier/imapd; $tcpd $imap /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir"
start "set -a; . /etc/courier/pop3d; $tcpd $pop3 /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir"

seen=$(python3 - "$imap" "$pop3" <<'PYTHON'
import base64, socket, sys, time
password = b"a\ttab"
plain = base64.b64encode(b"\0tim\0" + password)

def connect(port):
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", int(port)), timeout=30).makefile("rwb")
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)

def talk(port, *lines):
    """The last line said after the greeting and one answer to each line; all of them, too."""
    file, heard = connect(port), []
    file.readline()
    for line, end in lines:
        file.write(line + b"\r\n")
        file.flush()
        while True:
            heard.append(file.readline())
            if not heard[-1] or heard[-1].startswith(end):
                break
    return heard[-1], b"".join(heard)

first = lambda answer, at: answer[0].split()[at].decode()
imap, pop3 = sys.argv[1:]
announced = talk(imap, (b"t CAPABILITY", b"t "))[1].upper().count(b"AUTH=")
answers = [
    first(talk(imap, (b't LOGIN tim "' + password + b'"', b"t ")), 1),
    first(talk(imap, (b"t LOGIN tim {%d}" % len(password), b"+"), (password, b"t ")), 1),
    first(talk(imap, (b"t AUTHENTICATE PLAIN", b"+"), (plain, b"t ")), 1),
]
print('imap: announced {}, LOGIN "..." {}, LOGIN {{n}} {}, AUTHENTICATE PLAIN {}'.format(announced, *answers))
announced = talk(pop3, (b"CAPA", b"."))[1].upper().count(b"SASL")
answers = [
    first(talk(pop3, (b"USER tim", b"+OK"), (b"PASS " + password, (b"+OK", b"-ERR"))), 0),
    first(talk(pop3, (b"AUTH PLAIN", b"+"), (plain, (b"+OK", b"-ERR"))), 0),
]
print("pop3: announced {}, PASS {}, AUTH PLAIN {}".format(announced, *answers))
PYTHON
)
echo "$seen"
wanted='imap: announced 0, LOGIN "..." NO, LOGIN {n} NO, AUTHENTICATE PLAIN OK
pop3: announced 0, PASS -ERR, AUTH PLAIN +OK'
[ "$seen" = "$wanted" ]
