#!/usr/bin/env bash
# curl cannot log in to Dovecot by DIGEST-MD5: it wants the challenge's algorithm without quotes, and Dovecot quotes it
#
# Version: curl 7.88.1 (Debian 12) and Dovecot 2.3.19.1 (Debian 12, dovecot-imapd 1:2.3.19.1+dfsg1-2.1+deb12u7).
# Behaviour: Dovecot's challenge has `charset="utf-8",algorithm="md5-sess"`. RFC 2831 2.1.1 has both values as tokens, and names no quoted form.
#   curl looks for `algorithm=md5-sess` to the letter, finds another algorithm, and gives up before it has proved anything: `*`. The password is
#   right, and CRAM-MD5 with it on the same server lets the user in. A proxy or server that copies Dovecot's form to the letter inherits that;
#   one that leaves the quotes away, as the RFC has it, is understood by curl.
# Seen:
#   CRAM-MD5    A002 OK Logged in
#   DIGEST-MD5  + ...charset="utf-8",algorithm="md5-sess"  and then  Authentication cancelled
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
apt-get -qq download "dovecot-core=$version" "dovecot-imapd=$version" \
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
protocols = imap
auth_mechanisms = plain cram-md5 digest-md5
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = maildir:/mail
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = 0
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
  driver = passwd-file
  args = /etc/dovecot/users
}
CONFIGURATION
echo 'tim:{PLAIN}secret' >root/etc/dovecot/users

# A view of files of its own, so that nothing outside of the folder is touched; Dovecot drops root's groups, so this needs root.
unshare --mount sh -c '
    mount --bind /dev/null root/dev/null && mount --bind /dev/urandom root/dev/urandom && exec chroot root /usr/sbin/dovecot -F' 2>messages &
dovecot=$!

# What curl says and hears when it logs in by this mechanism.
log_in() {
    curl --silent --show-error --verbose --max-time 20 --login-options "AUTH=$1" --user tim:secret "imap://127.0.0.1:$port/" 2>&1 || true
}

for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    sleep 0.1
done
case $(curl --version) in
    "curl 7.88.1 "*) ;;
    *) echo "another curl: $(curl --version | head -n 1)" && exit 1 ;;
esac
by_cram=$(log_in CRAM-MD5)
by_digest=$(log_in DIGEST-MD5)
challenge=$(sed -n 's/^< + //p' <<<"$by_digest" | tr -d '\r' | head -n 1 | base64 --decode)
echo "CRAM-MD5    $(grep -o 'A00. OK Logged in' <<<"$by_cram" || echo 'no login')"
echo "DIGEST-MD5  $challenge  $(grep -o -m 1 '\* Authentication cancelled' <<<"$by_digest" || echo 'not cancelled')"
grep -q 'A002 OK Logged in' <<<"$by_cram"
[[ $challenge == *'charset="utf-8",algorithm="md5-sess"'* ]]
grep -q 'Authentication cancelled' <<<"$by_digest"
