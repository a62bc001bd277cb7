#!/usr/bin/env bash
# Dovecot's LMTP server takes a sender that it cannot read for none: the mail is stored as a bounce
#
# Version: Dovecot 2.3.19.1 (Debian 12, dovecot-lmtpd 1:2.3.19.1+dfsg1-2.1+deb12u7).
# Behaviour: MAIL with a path that breaks the grammar a little (a dot behind the domain, a name without a domain, a letter that is not
#   ASCII) is answered with 250, and not with 501 as the same path in RCPT. The message gets `Return-Path: <>`, the null sender's: nothing
#   says who sent it, vacation and reject answer no sender, and filters for bounces match. A proxy that hands such a path on sees only the 250.
# Seen:
#   <a@example.org>     250  Return-Path: <a@example.org>
#   <a@example.org.>    250  Return-Path: <>
#   <root>              250  Return-Path: <>
#   <jö@example.org>    250  Return-Path: <>
# Exits with 0 while that holds. Needs root, for a folder with devices to run from.
set -euo pipefail

place=$(mktemp -d)
dovecot=
clean_up() {
    if [ -n "$dovecot" ]; then
        { kill -TERM "$dovecot" && wait "$dovecot"; } 2>/dev/null || true
    fi
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

cd "$place"
version=1:2.3.19.1+dfsg1-2.1+deb12u7
apt-get -qq download "dovecot-core=$version" "dovecot-lmtpd=$version" \
    libaudit1 libc6 libcap-ng0 libcap2 libcrypt1 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libpam0g libsodium23 libssl3 libsystemd0 \
    libunwind8 libzstd1 zlib1g libbz2-1.0 libexttextcat-2.0-0 libicu72 libstemmer0d libstdc++6 libgcc-s1
for package in *.deb; do dpkg -x "$package" root; done
for folder in bin lib lib64; do
    if [ -d "root/$folder" ] && [ ! -L "root/$folder" ]; then
        mkdir -p "root/usr/$folder"
        cp -a "root/$folder/." "root/usr/$folder/"
        rm -r "root/$folder"
    fi
    ln -sfn "usr/$folder" "root/$folder"
done
mkdir -p root/dev root/mail root/run root/etc/dovecot
chmod 777 root/mail && chmod 755 . root
touch root/dev/null root/dev/urandom
echo "one:x:99:99::/:/bin/false" >root/etc/passwd
echo "one:x:99:" >root/etc/group
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >root/etc/dovecot/dovecot.conf <<CONFIGURATION
base_dir = /run/dovecot
log_path = /log
default_internal_user = one
default_internal_group = one
default_login_user = one
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = maildir:/mail
service anvil {
  chroot =
}
service lmtp {
  user = one
  inet_listener lmtp {
    port = $port
  }
}
service stats {
  chroot =
}
userdb {
  driver = static
  args = uid=one gid=one home=/mail allow_all_users=yes
}
passdb {
  driver = static
  args = nopassword=y
}
CONFIGURATION

# A view of files of its own, so that nothing outside of the folder is touched; Dovecot drops root's groups, so this needs root.
unshare --mount sh -c '
    mount --bind /dev/null root/dev/null && mount --bind /dev/urandom root/dev/urandom && exec chroot root /usr/sbin/dovecot -F' 2>messages &
dovecot=$!

cat >deliver.py <<'PYTHON'
import glob, os, socket, sys, time
port, wrong = int(sys.argv[1]), 0
for _ in range(100):
    try:
        peer = socket.create_connection(("127.0.0.1", port), 30)
        break
    except OSError:
        time.sleep(0.1)
lines = peer.makefile("rb")
def say(text):
    peer.sendall(text)
    while (line := lines.readline())[3:4] == b"-":
        pass
    return line.decode(errors="replace").strip()
say(b"")
say(b"LHLO client.example\r\n")
for path, wanted in (("a@example.org", "a@example.org"), ("a@example.org.", ""), ("root", ""), ("j\u00f6@example.org", "")):
    mail = say(f"MAIL FROM:<{path}>\r\n".encode())
    say(b"RCPT TO:<tim>\r\n"), say(b"DATA\r\n"), say(b"Subject: x\r\n\r\nx\r\n.\r\n")
    stored = glob.glob("root/mail/new/*")
    text = open(stored[0], errors="replace").read() if stored else ""
    returns = [line for line in text.splitlines() if line.startswith("Return-Path:")]
    print(f"{'<' + path + '>':19} {mail[:3]}  {' '.join(returns)}")
    wrong += mail[:3] != "250" or returns != [f"Return-Path: <{wanted}>"]
    [os.unlink(name) for name in stored]
sys.exit(wrong > 0)
PYTHON
python3 deliver.py "$port" || { cat messages root/log >&2 || true; exit 1; }
