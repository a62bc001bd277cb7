# Sourced by ./quickstart and ./test: makes sure that programs are there, from Debian's packages.

# need_programs PACKAGE=PROGRAM…  A program is looked for by name, or by path when it has a slash.
need_programs() {
    local pair missing=()
    for pair in "$@"; do
        has_program "${pair#*=}" || missing+=("${pair%%=*}")
    done
    [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
}

has_program() {
    case $1 in
        */*) [ -e "$1" ] ;;
        # Daemons live in sbin, which an ordinary user's PATH leaves out.
        *) PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" >/dev/null ;;
    esac
}

# Rust cannot come from Debian 12: its packages are older than the toolchain this project pins. Without cargo rustup's own installer
# is fetched and run for this user; with need_rust no, that is left to the user.
need_rust() {
    local fetch=${1:-yes} folder status=0
    [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    command -v cargo >/dev/null && return
    if [ "$fetch" != yes ]; then
        echo "cargo is missing: install Rust from https://rustup.rs, then run this again" >&2
        exit 1
    fi
    echo "cargo is missing: fetching Rust by the installer of https://rustup.rs, for this user alone (${RUSTUP_HOME:-$HOME/.rustup}," \
        "${CARGO_HOME:-$HOME/.cargo}); --no-rustup refuses that"
    need_programs curl=curl ca-certificates=/etc/ssl/certs/ca-certificates.crt
    folder=$(mktemp -d)
    # To a file first: what was cut off on its way is not run.
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail --location --max-time 120 \
        --output "$folder/rustup-init.sh" https://sh.rustup.rs &&
        sh "$folder/rustup-init.sh" -y --quiet --no-modify-path --profile minimal --default-toolchain none || status=$?
    rm -rf -- "$folder"
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    # What rust-toolchain.toml asks for. A rustup that is older than the command fetches it at the first call of cargo.
    if [ "$status" -ne 0 ] || ! { rustup toolchain install || cargo --version; } >&2; then
        echo "Rust could not be fetched: install it from https://rustup.rs, then run this again" >&2
        exit 1
    fi
}

install_packages() {
    local as_root=() policy=/usr/sbin/policy-rc.d status=0
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
        echo "packages are missing: sudo apt-get install $*" >&2
        exit 1
    fi
    echo "installing from Debian: $*"
    # Debian starts a daemon as soon as it is installed, unless this file forbids it. Ours goes again afterwards.
    if [ -e "$policy" ]; then
        policy=
    else
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    fi
    {
        "${as_root[@]}" apt-get -q update &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -q install --yes --no-install-recommends "$@"
    } >&2 || status=$?
    [ -z "$policy" ] || "${as_root[@]}" rm -f "$policy"
    # Nor shall a daemon run now or at the next boot because somebody ran a test. (It was not there before us.)
    if command -v systemctl >/dev/null; then
        local package
        for package in "$@"; do
            case $package in
                dovecot-core) "${as_root[@]}" systemctl -q disable --now dovecot.service dovecot.socket ;;
                fail2ban | haproxy | hitch | nginx | stunnel4) "${as_root[@]}" systemctl -q disable --now "$package.service" ;;
            esac
        done 2>/dev/null || true
    fi
    return "$status"
}

# unpack_packages FOLDER CHOICE…  Debian's packages with all they depend on, unpacked into FOLDER, nothing installed. A choice is a word of
# packages that Debian would install together; different choices may conflict with each other, as mail servers do. Needs no root, and
# takes nothing of what this machine has installed.
unpack_packages() {
    local folder=$1 apt choice package
    shift
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        echo "apt-get and dpkg-deb are missing: other mail servers are tested from Debian's packages" >&2
        return 1
    fi
    rm -rf -- "$folder"
    mkdir -p "$folder/root" "$folder/apt/lists/partial" "$folder/apt/archives/partial"
    # An empty status: on this machine, as apt is to see it, no package is installed.
    : >"$folder/apt/status"
    apt=(apt-get -q --yes -o "Dir::State=$folder/apt" -o "Dir::State::status=$folder/apt/status"
        -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User= -o APT::Install-Recommends=false)
    "${apt[@]}" update >&2 || return 1
    for choice in "$@"; do
        # shellcheck disable=SC2086 # Its words are packages.
        "${apt[@]}" install --download-only $choice >&2 || return 1
    done
    for package in "$folder"/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder/root" --no-same-owner --keep-directory-symlink \
            --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale || return 1
    done
    rm -rf -- "$folder/apt"
}
