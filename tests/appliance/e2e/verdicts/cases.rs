//! The questions: users with every scheme, odd names, fields, masters and chains of passdbs with their rules.

use super::Asked;
use crate::e2e::tools::{DOVEADM, run};

/// A login.
pub(super) struct Case {
    /// What it is about; no two are called the same.
    pub(super) name: String,
    pub(super) asked: Asked,
    pub(super) authorize_as: &'static str,
    pub(super) user: String,
    pub(super) password: Vec<u8>,
    /// Where it comes from, where that matters.
    address: &'static str,
}

/// Passdbs and what is asked of them.
pub(super) struct Set {
    /// In Dovecot 2.3's words, which both read. `@FILES@`: the folder of the files.
    pub(super) configuration: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) cases: Vec<Case>,
}

const PASSWORD: &str = "sesame 42 ü";

impl Case {
    fn new(asked: Asked, name: impl Into<String>, user: &str, password: &[u8]) -> Self {
        Self {
            name: name.into(),
            asked,
            authorize_as: "",
            user: user.to_owned(),
            password: password.to_vec(),
            address: "",
        }
    }

    /// The message of SASL PLAIN.
    pub(super) fn plain(&self) -> Vec<u8> {
        [self.authorize_as.as_bytes(), b"\0", self.user.as_bytes(), b"\0", &self.password].concat()
    }

    /// An address of its own, so that no failure slows another login.
    pub(super) fn from(&self, number: usize) -> String {
        match self.address {
            "" => format!("10.{}.{}.9", number / 250, number % 250),
            address => address.to_owned(),
        }
    }
}

/// Schemes, names and fields.
pub(super) fn accounts() -> Set {
    let mut cases = Vec::new();
    let mut schemes = String::new();
    for scheme in schemes_of_doveadm() {
        let user = format!("s-{}", scheme.to_ascii_lowercase());
        schemes.push_str(&format!("{user}:{}\n", hashed(&scheme)));
        for (what, password) in [
            ("right", PASSWORD.as_bytes().to_vec()),
            ("wrong", b"sesame 42 u".to_vec()),
            ("empty", Vec::new()),
            ("longer", format!("{PASSWORD}x").into_bytes()),
        ] {
            cases.push(Case::new(Asked::Imap, format!("{scheme} {what}"), &user, &password));
        }
    }
    stored(&mut schemes, &mut cases);
    names(&mut schemes, &mut cases);
    let fields = fields(&mut cases);
    let configuration = "auth_username_chars =\nauth_username_format = %Lu\n\
        protocol imap {\n passdb {\n driver = passwd-file\n args = @FILES@/schemes\n }\n}\n\
        protocol pop3 {\n passdb {\n driver = passwd-file\n args = scheme=PLAIN @FILES@/fields\n }\n}\n\
        protocol sieve {\n passdb {\n driver = passwd-file\n args = username_format=%n @FILES@/locals\n \
        default_fields = nodelay=y\n override_fields = nologin=\n }\n}\n";
    let locals = format!("ann:{{PLAIN}}{PASSWORD}\nbob@x.org:{{PLAIN}}{PASSWORD}\n");
    for (name, user) in [
        ("a local part", "ann"),
        ("a local part with a domain", "ann@x.org"),
        ("a domain in the file", "bob@x.org"),
        ("no local part", "@x.org"),
        ("two at signs", "ann@x@y"),
    ] {
        for (what, password) in [("right", PASSWORD), ("wrong", "x")] {
            let name = format!("username_format: {name}, {what}");
            cases.push(Case::new(Asked::Sieve, name, user, password.as_bytes()));
        }
    }
    let files = vec![
        ("schemes".to_owned(), schemes.into_bytes()),
        ("fields".to_owned(), fields.into_bytes()),
        ("locals".to_owned(), locals.into_bytes()),
    ];
    Set { configuration: configuration.to_owned(), files, cases }
}

fn schemes_of_doveadm() -> Vec<String> {
    let list = run(DOVEADM.command().args(["-O", "pw", "-l"]));
    let list = String::from_utf8(list).unwrap();
    let mut schemes: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    schemes.sort();
    assert!(schemes.len() > 25, "{schemes:?}");
    schemes
}

fn hashed(scheme: &str) -> String {
    let mut command = DOVEADM.command();
    command.args(["-O", "pw", "-s", scheme, "-p", PASSWORD]);
    match scheme {
        "SHA256-CRYPT" | "SHA512-CRYPT" => command.args(["-r", "1000"]),
        "BLF-CRYPT" | "CRYPT" => command.args(["-r", "4"]),
        // They hash the name, too.
        "DIGEST-MD5" | "OTP" => command.args(["-u", &format!("s-{}", scheme.to_ascii_lowercase())]),
        _ => &mut command,
    };
    String::from_utf8(run(&mut command)).unwrap().trim().to_owned()
}

/// Stored passwords that are odd or broken.
fn stored(file: &mut String, cases: &mut Vec<Case>) {
    for (name, stored, password) in [
        ("a scheme in small letters", "{plain}pw", "pw"),
        ("hexadecimal digits", "{PLAIN.HEX}7077", "pw"),
        ("base64", "{PLAIN.b64}cHc=", "pw"),
        ("base64 without padding", "{PLAIN.b64}cHc", "pw"),
        ("no scheme is CRYPT", "$6$rounds=1000$ab$x", "pw"),
        ("no scheme and no hash", "pw", "pw"),
        ("an unknown scheme", "{NOSUCH}pw", "pw"),
        ("a scheme without its end", "{PLAIN", "{PLAIN"),
        ("an empty stored password", "", "pw"),
        ("an empty plain password", "{PLAIN}", "pw"),
        ("a star", "*", "pw"),
        ("an exclamation mark", "!", "pw"),
        ("a locked hash", "!$6$rounds=1000$ab$x", "pw"),
        ("a hash that is cut", "{SSHA}abc", "pw"),
        ("a salt without a hash", "{SSHA256}", "pw"),
        ("SHA with letters that are no base64", "{SHA}!!!", "pw"),
        ("argon2 without its parts", "{ARGON2ID}$argon2id$v=19", "pw"),
        ("bcrypt without a hash", "{BLF-CRYPT}$2y$05$", "pw"),
        ("PBKDF2 without a hash", "{PBKDF2}$1$salt$5000$", "pw"),
        ("a password with a brace", "{PLAIN}{x}", "{x}"),
        ("a password with spaces", "{PLAIN} a  b ", " a  b "),
        ("a password with a percent sign", "{PLAIN}%u%%", "%u%%"),
        ("a password in Latin", "{PLAIN}pässwörd", "pässwörd"),
        (
            "a password of a hundred letters",
            &format!("{{PLAIN}}{}", "x".repeat(100)),
            &"x".repeat(100),
        ),
        (
            "a password of five hundred letters",
            &format!("{{PLAIN}}{}", "y".repeat(500)),
            &"y".repeat(500),
        ),
        ("72 letters and more of bcrypt", BCRYPT_72, &"y".repeat(80)),
        ("71 letters of bcrypt's 72", BCRYPT_72, &"y".repeat(71)),
    ] {
        let user = format!("p-{}", cases.len());
        file.push_str(&format!("{user}:{stored}\n"));
        cases.push(Case::new(Asked::Imap, format!("stored: {name}"), &user, password.as_bytes()));
    }
    for (name, password) in [
        ("NUL", &b"a\0b"[..]),
        ("CR", b"a\rb"),
        ("LF", b"a\nb"),
        ("octets that are no UTF-8", b"a\xFFb"),
        ("a tab", b"a\tb"),
        ("1,000 octets", &[b'z'; 1_000]),
        ("2,000 octets", &[b'z'; 2_000]),
    ] {
        let name = format!("typed: a wrong password with {name}");
        cases.push(Case::new(Asked::Imap, name, "s-plain", password));
    }
    cases.push(Case::new(Asked::Imap, "typed: an unknown user", "nobody-here", b"pw"));
}

/// Of 72 `y`.
const BCRYPT_72: &str = "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBuy";

fn names(file: &mut String, cases: &mut Vec<Case>) {
    for user in [
        "dotted.name",
        "dash-ed",
        "under_score",
        "upper@case.org",
        "a b",
        "a*b",
        "a\"b",
        "a\\b",
        "a%u",
        "%{user}",
        "jürgen",
        "ὀδυσσεύς",
        "a=b",
        "a+tag@x.org",
        "a'b",
        "*)(uid=*",
        "cn=a,dc=b",
        "#hash",
        "trailing.",
        "a&b|c",
    ] {
        if !user.starts_with('#') {
            file.push_str(&format!("{user}:{{PLAIN}}{PASSWORD}\n"));
        }
        for (what, password) in [("right", PASSWORD), ("wrong", "x")] {
            cases.push(Case::new(
                Asked::Imap,
                format!("name {user}, {what}"),
                user,
                password.as_bytes(),
            ));
        }
    }
    for user in ["UPPER@case.ORG", "Dotted.Name", "JÜRGEN", "", "a\tb", "a\nb", "a\rb"] {
        let name = format!("name {user:?} as typed");
        cases.push(Case::new(Asked::Imap, name, user, PASSWORD.as_bytes()));
    }
    let long = "l".repeat(255);
    file.push_str(&format!("{long}:{{PLAIN}}{PASSWORD}\n"));
    for (name, user) in [("255 letters", long.clone()), ("256 letters", long + "l")] {
        cases.push(Case::new(Asked::Imap, format!("a name of {name}"), &user, PASSWORD.as_bytes()));
    }
}

/// Rows with extra fields.
fn fields(cases: &mut Vec<Case>) -> String {
    let mut file = String::new();
    for (name, stored, fields) in [
        ("none", "pw", ""),
        ("nologin", "pw", "nologin"),
        ("nologin=y", "pw", "nologin=y"),
        ("nologin with a reason", "pw", "nologin=y reason=closed"),
        ("nopassword", "", "nopassword"),
        ("nopassword=y", "", "nopassword=y"),
        ("nopassword and a password", "pw", "nopassword=y"),
        ("nopassword of another word", "", "nopassword=x"),
        ("user", "pw", "user=other"),
        ("user with a domain", "pw", "user=Other@X.org"),
        ("user of a variable", "pw", "user=%Lu@local"),
        ("nodelay", "pw", "nodelay=y"),
        ("an unknown field", "pw", "nosuch=field"),
        ("a field of user databases", "pw", "userdb_quota=1G userdb_nologin=y"),
        ("allow_nets of the client", "pw", "allow_nets=192.0.2.0/24"),
        ("allow_nets of others", "pw", "allow_nets=198.51.100.0/24"),
        ("allow_nets with two", "pw", "allow_nets=198.51.100.0/24,192.0.2.7"),
        ("allow_nets of an address", "pw", "allow_nets=192.0.2.7"),
        ("allow_nets of IPv6", "pw", "allow_nets=2001:db8::/32"),
        ("allow_nets of local", "pw", "allow_nets=local"),
        ("allow_nets of nothing", "pw", "allow_nets="),
        ("allow_nets and nopassword", "", "nopassword=y allow_nets=198.51.100.0/24"),
    ] {
        let user = format!("f-{}", cases.len());
        file.push_str(&format!("{user}:{stored}::::::{fields}\n"));
        for (what, password, address) in [
            ("right", "pw", "192.0.2.7"),
            ("wrong", "wp", "192.0.2.8"),
            ("right by IPv6", "pw", "2001:db8::7"),
        ] {
            let name = format!("field {name}, {what}");
            let case = Case::new(Asked::Pop3, name, &user, password.as_bytes());
            cases.push(Case { address, ..case });
        }
    }
    file
}

/// Masters in IMAP; chains of three passdbs in POP3 and ManageSieve.
pub(super) fn masters_and_rules() -> Set {
    let mut set = Set { configuration: MASTERS.to_owned(), files: Vec::new(), cases: Vec::new() };
    set.file("masters", "admin:{PLAIN}boss\nlocked:{PLAIN}boss::::::nologin=y\nhome:{PLAIN}boss::::::allow_nets=127.0.0.0/8\n");
    set.file("denied", "mallory\n");
    set.file(
        "users",
        "ann:{PLAIN}pw\nmallory:{PLAIN}pw\nclosed:{PLAIN}pw::::::nologin=y\nempty:::::::nopassword=y\nadmin:{PLAIN}own\n",
    );
    for (authorize_as, user, password) in [
        ("", "ann", "pw"),
        ("", "mallory", "pw"),
        ("", "mallory", "wrong"),
        ("", "closed", "pw"),
        ("", "admin", "own"),
        ("", "admin", "boss"),
        ("ann", "admin", "boss"),
        ("ann", "admin", "own"),
        ("ann", "admin", "pw"),
        ("ann", "ann", "pw"),
        ("ann", "nobody-here", "boss"),
        ("nobody-here", "admin", "boss"),
        ("mallory", "admin", "boss"),
        ("closed", "admin", "boss"),
        ("empty", "admin", "boss"),
        ("empty", "admin", "x"),
        ("admin", "admin", "own"),
        ("ann", "locked", "boss"),
        ("ann", "home", "boss"),
        ("", "ann*admin", "boss"),
        ("", "ann*admin", "pw"),
        ("", "ann*nobody-here", "boss"),
        ("", "nobody-here*admin", "boss"),
        ("", "mallory*admin", "boss"),
        ("", "*admin", "boss"),
        ("", "ann*", "boss"),
        ("", "ann*ann", "pw"),
        ("", "admin*admin", "own"),
        ("", "ann*admin*x", "boss"),
        ("ann", "ann*admin", "boss"),
    ] {
        let name = format!("master: {user} for {authorize_as:?} with {password}");
        let case = Case::new(Asked::Imap, name, user, password.as_bytes());
        set.cases.push(Case { authorize_as, ..case });
    }
    set.chain(Asked::Pop3, "no rules", ["", "", ""]);
    set.chain(
        Asked::Sieve,
        "fields of two",
        [
            "result_success = continue-ok\n result_failure = continue-fail\n",
            "",
            "skip = authenticated\n",
        ],
    );
    set
}

const MASTERS: &str = "auth_master_user_separator = *\nauth_username_chars =\n\
    protocol imap {\n passdb {\n driver = passwd-file\n args = @FILES@/denied\n deny = yes\n }\n\
    passdb {\n driver = passwd-file\n args = @FILES@/masters\n master = yes\n pass = yes\n }\n\
    passdb {\n driver = passwd-file\n args = @FILES@/users\n }\n}\n";

pub(super) fn more_rules() -> Set {
    let mut set = Set { configuration: String::new(), files: Vec::new(), cases: Vec::new() };
    set.chain(
        Asked::Imap,
        "failure returns",
        [
            "result_failure = return-fail\n result_internalfail = continue\n",
            "result_success = continue\n",
            "",
        ],
    );
    set.chain(
        Asked::Pop3,
        "skip unauthenticated",
        [
            "result_success = continue\n result_internalfail = return-fail\n",
            "skip = unauthenticated\n result_failure = return\n",
            "result_failure = return-ok\n",
        ],
    );
    set.chain(
        Asked::Sieve,
        "continue-ok after a failure",
        [
            "result_success = return\n result_failure = continue-ok\n result_internalfail = continue-ok\n",
            "result_failure = continue\n result_success = continue-fail\n",
            "result_success = return\n",
        ],
    );
    set
}

impl Set {
    fn file(&mut self, name: &str, text: &str) {
        self.files.push((name.to_owned(), text.as_bytes().to_vec()));
    }

    /// Three passdbs with their rules, and users who are in each of them with the right password, with another one, with
    /// any password, or not at all.
    fn chain(&mut self, asked: Asked, label: &str, rules: [&str; 3]) {
        const STATES: [(char, &str); 4] =
            [('r', "{PLAIN}pw"), ('w', "{PLAIN}other"), ('n', "::::::nopassword"), ('a', "")];
        let protocol = asked.name();
        // By this one the harness finds out whether Dovecot is there.
        let mut files = [(); 3].map(|()| "ready:{PLAIN}ready\n".to_owned());
        for first in STATES {
            for second in STATES {
                for third in STATES {
                    let states = [first, second, third];
                    let user: String = states.iter().map(|(letter, _)| *letter).collect();
                    for (file, (letter, stored)) in files.iter_mut().zip(states) {
                        if letter != 'a' {
                            file.push_str(&format!("{user}:{stored}\n"));
                        }
                    }
                    let name = format!("{label}: {user}");
                    self.cases.push(Case::new(asked, name, &user, b"pw"));
                }
            }
        }
        let mut blocks = String::new();
        for (number, (file, rules)) in (1..).zip(files.iter().zip(rules)) {
            let name = format!("{protocol}-{number}");
            self.file(&name, file);
            blocks.push_str(&format!(
                "passdb {{\n driver = passwd-file\n args = @FILES@/{name}\n {rules}}}\n"
            ));
        }
        self.configuration.push_str(&format!("protocol {protocol} {{\n{blocks}}}\n"));
    }
}
