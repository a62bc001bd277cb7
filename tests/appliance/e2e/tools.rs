//! The real programs that the tests use, and the Debian packages they come from.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A program of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const BASH: Tool = Tool { program: "bash", package: "bash" };
pub(crate) const CC: Tool = Tool { program: "cc", package: "gcc" };
pub(crate) const CHROMIUM: Tool =
    Tool { program: "chromium-headless-shell", package: "chromium-headless-shell" };
pub(crate) const CHOWN: Tool = Tool { program: "chown", package: "coreutils" };
pub(crate) const CP: Tool = Tool { program: "cp", package: "coreutils" };
pub(crate) const CURL: Tool = Tool { program: "curl", package: "curl" };
/// The system's own, which finds the system's modules.
pub(crate) const DEBIAN_PYTHON: Tool = Tool { program: "/usr/bin/python3", package: "python3" };
pub(crate) const DOVECONF: Tool = Tool { program: "doveconf", package: "dovecot-core" };
pub(crate) const DOVEADM: Tool = Tool { program: "doveadm", package: "dovecot-core" };
pub(crate) const DOVECOT: Tool = Tool { program: "dovecot", package: DOVECOT_PACKAGES };
pub(crate) const DPKG_DEB: Tool = Tool { program: "dpkg-deb", package: "dpkg" };
pub(crate) const ENV: Tool = Tool { program: "env", package: "coreutils" };
pub(crate) const FAIL2BAN_REGEX: Tool = Tool { program: "fail2ban-regex", package: "fail2ban" };
pub(crate) const FETCHMAIL: Tool = Tool { program: "fetchmail", package: "fetchmail" };
pub(crate) const GSASL: Tool = Tool { program: "gsasl", package: "gsasl" };
pub(crate) const HAPROXY: Tool = Tool { program: "haproxy", package: "haproxy" };
pub(crate) const HITCH: Tool = Tool { program: "hitch", package: "hitch" };
pub(crate) const JAVA: Tool = Tool { program: "java", package: "default-jre-headless" };
pub(crate) const MAN: Tool = Tool { program: "man", package: "man-db" };
pub(crate) const MARIADB: Tool = Tool { program: "mariadb", package: "mariadb-client" };
pub(crate) const MARIADBD: Tool = Tool { program: "mariadbd", package: "mariadb-server" };
pub(crate) const MARIADB_INSTALL: Tool =
    Tool { program: "mariadb-install-db", package: "mariadb-server" };
pub(crate) const MBSYNC: Tool = Tool { program: "mbsync", package: "isync" };
pub(crate) const MVN: Tool = Tool { program: "mvn", package: "maven" };
pub(crate) const NEWUIDMAP: Tool = Tool { program: "newuidmap", package: "uidmap" };
pub(crate) const NGINX: Tool = Tool { program: "nginx", package: "nginx" };
pub(crate) const NGINX_STREAM: Tool =
    Tool { program: "/usr/lib/nginx/modules/ngx_stream_module.so", package: "libnginx-mod-stream" };
pub(crate) const NODE: Tool = Tool { program: "node", package: "nodejs" };
pub(crate) const NPM: Tool = Tool { program: "npm", package: "npm" };
pub(crate) const NSENTER: Tool = Tool { program: "nsenter", package: "util-linux" };
pub(crate) const OBJDUMP: Tool = Tool { program: "objdump", package: "binutils" };
pub(crate) const OPENSSL: Tool = Tool { program: "openssl", package: "openssl" };
pub(crate) const OPENSSL_OF_PYTHON: Tool =
    Tool { program: "/usr/lib/python3/dist-packages/OpenSSL/SSL.py", package: "python3-openssl" };
pub(crate) const PGBOUNCER: Tool = Tool { program: "pgbouncer", package: "pgbouncer" };
pub(crate) const PG_INITDB: Tool =
    Tool { program: "/usr/lib/postgresql/15/bin/initdb", package: "postgresql" };
pub(crate) const POSTGRES: Tool =
    Tool { program: "/usr/lib/postgresql/15/bin/postgres", package: "postgresql" };
pub(crate) const PSQL: Tool =
    Tool { program: "/usr/lib/postgresql/15/bin/psql", package: "postgresql" };
pub(crate) const PROMTOOL: Tool = Tool { program: "promtool", package: "prometheus" };
pub(crate) const PYTHON: Tool = Tool { program: "python3", package: "python3" };
pub(crate) const SETPRIV: Tool = Tool { program: "setpriv", package: "util-linux" };
pub(crate) const SIEVE_CONNECT: Tool = Tool { program: "sieve-connect", package: "sieve-connect" };
pub(crate) const SS: Tool = Tool { program: "ss", package: "iproute2" };
pub(crate) const SLAPADD: Tool = Tool { program: "slapadd", package: "slapd" };
pub(crate) const SLAPD: Tool = Tool { program: "slapd", package: "slapd" };
pub(crate) const STUNNEL: Tool = Tool { program: "stunnel4", package: "stunnel4" };
pub(crate) const SWAKS: Tool = Tool { program: "swaks", package: "swaks" };
pub(crate) const STRACE: Tool = Tool { program: "strace", package: "strace" };
pub(crate) const SYSTEMD_ANALYZE: Tool = Tool { program: "systemd-analyze", package: "systemd" };
pub(crate) const SYSTEMD_SOCKET_ACTIVATE: Tool =
    Tool { program: "systemd-socket-activate", package: "systemd" };
pub(crate) const TESTSSL: Tool = Tool { program: "testssl", package: "testssl.sh" };
pub(crate) const UNSHARE: Tool = Tool { program: "unshare", package: "util-linux" };

const DOVECOT_PACKAGES: &str = "dovecot-core dovecot-imapd dovecot-pop3d dovecot-managesieved \
                                dovecot-submissiond dovecot-lmtpd";

impl Tool {
    /// Where the program is. Fails loudly when it is not installed: a skipped test proves nothing.
    pub(crate) fn path(self) -> PathBuf {
        // Daemons live in sbin, which an ordinary user's PATH leaves out.
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(OsString::from(":/usr/local/sbin:/usr/sbin:/sbin"));
        std::env::split_paths(&path)
            .map(|folder| folder.join(self.program))
            .find(|candidate| candidate.is_file())
            .unwrap_or_else(|| {
                panic!("{} is missing: apt-get install {}", self.program, self.package)
            })
    }

    pub(crate) fn command(self) -> Command {
        Command::new(self.path())
    }
}

/// Runs a command to its end and returns what it printed; fails with everything it said when it does not succeed.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    output.stdout
}

/// Both streams of a finished command, for a failure message.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
