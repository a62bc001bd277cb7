//! A real LDAP server: Debian's slapd with a password policy and TLS, in a folder of its own, on ports that are free.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use super::certificate::Pem;
use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::{SLAPADD, SLAPD, run};
use super::wait::{PATIENCE, wait_for};

/// The name that its certificate has.
pub(crate) const NAME: &str = "localhost";

/// A running slapd. Its own user for searches is `cn=hale,dc=test` with the password `hale`.
#[derive(Debug)]
pub(crate) struct Slapd {
    // Ends before its directory goes.
    process: Process,
    directory: TempDir,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
}

/// A user's entry.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    uid: String,
    password: String,
    /// Lines more, each with its end.
    more: String,
}

impl Person {
    /// `more`: further lines of the entry, each with its end.
    pub(crate) fn new(uid: &str, password: &str, more: &str) -> Self {
        Self { uid: uid.to_owned(), password: password.to_owned(), more: more.to_owned() }
    }
}

impl Slapd {
    /// With these people, who are below `ou=people,dc=test`.
    pub(crate) fn start(people: &[Person]) -> Self {
        let directory = tempfile::Builder::new().prefix("hale-slapd-").tempdir().unwrap();
        let pem = Pem::new(&[NAME]);
        pem.write(directory.path());
        fs::create_dir(directory.path().join("db")).unwrap();
        let path = directory.path().display().to_string();
        let text = CONFIGURATION.replace("@DIRECTORY@", &path);
        fs::create_dir(directory.path().join("other")).unwrap();
        let other = text.replace("dc=test", "dc=other").replace("/db\n", "/other\n");
        fs::write(directory.path().join("slapd.conf"), text).unwrap();
        fs::write(directory.path().join("other.conf"), other).unwrap();
        fs::write(directory.path().join("people.ldif"), tree(people)).unwrap();
        let (conf, ldif) = (format!("{path}/slapd.conf"), format!("{path}/people.ldif"));
        run(SLAPADD.command().args(["-f", &conf, "-l", &ldif]));
        let [port, tls_port] = [(); 2].map(|()| free_port());
        let process = begin(directory.path(), "slapd.conf", port, tls_port);
        Self { process, directory, port, tls_port }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The file with its authority.
    pub(crate) fn authority(&self) -> String {
        self.directory.path().join("cert.pem").display().to_string()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// As if the host had lost power.
    pub(crate) fn kill(&mut self) {
        self.process.end();
    }

    /// On the same ports, with the same entries.
    pub(crate) fn start_again(&mut self) {
        self.start_with("slapd.conf");
    }

    /// The same, and there is nothing where they were.
    pub(crate) fn start_again_without_people(&mut self) {
        self.start_with("other.conf");
    }

    fn start_with(&mut self, file: &str) {
        self.process.end();
        self.process = begin(self.directory.path(), file, self.port, self.tls_port);
    }
}

fn begin(directory: &Path, file: &str, port: u16, tls_port: u16) -> Process {
    let mut command = SLAPD.command();
    let listeners = format!("ldap://{FRONT}:{port}/ ldaps://{FRONT}:{tls_port}/");
    // Debugging level 0 keeps it in the foreground.
    command.arg("-f").arg(directory.join(file)).args(["-h", &listeners, "-d", "0"]);
    let process = Process::start("slapd", &command, directory);
    wait_for("slapd takes connections", PATIENCE, || {
        [port, tls_port].iter().all(|port| TcpStream::connect((FRONT, *port)).is_ok()).then_some(())
    });
    process
}

fn tree(people: &[Person]) -> String {
    let mut text = TREE.to_owned();
    for Person { uid, password, more } in people {
        let name = uid.replace(',', "\\,");
        write!(
            text,
            "dn: uid={name},ou=people,dc=test\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\
             userPassword: {password}\n{more}\n"
        )
        .unwrap();
    }
    text
}

const CONFIGURATION: &str = r#"
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload ppolicy.la
moduleload argon2.la
pidfile @DIRECTORY@/pid
argsfile @DIRECTORY@/args
TLSCertificateFile @DIRECTORY@/cert.pem
TLSCertificateKeyFile @DIRECTORY@/key.pem
database mdb
directory @DIRECTORY@/db
suffix "dc=test"
rootdn "cn=root,dc=test"
rootpw root
index uid,mail eq
overlay ppolicy
ppolicy_use_lockout
access to attrs=userPassword by dn.exact="cn=hale,dc=test" read by anonymous auth by * none
access to * by * read
"#;

const TREE: &str = "\
dn: dc=test
objectClass: dcObject
objectClass: organization
dc: test
o: test

dn: ou=policies,dc=test
objectClass: organizationalUnit
ou: policies

dn: cn=strict,ou=policies,dc=test
objectClass: device
objectClass: pwdPolicy
cn: strict
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdLockout: TRUE
pwdMaxAge: 100

dn: cn=hale,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: hale
userPassword: hale

dn: ou=people,dc=test
objectClass: organizationalUnit
ou: people

";
