//! A command line: `<flags> TAB [<extra fields> TAB] <user> TAB <command> [TAB <argument>]…` (W-DOV-3).

use super::status::Code;
use crate::limits;
use crate::wire::tab_escaped;

/// What a client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// How much it wants to hear on the way.
    pub chatter: Chatter,
    /// Proxies that it may still pass (W-FWD-2).
    pub ttl: u8,
    /// `forward=NAME=VALUE` of the extra fields, as they are.
    pub forwards: Vec<Vec<u8>>,
    /// Whom it is about; empty: no user.
    pub user: Box<str>,
    /// The command's words, joined by spaces.
    pub name: Box<str>,
    /// What stands behind them, as on a command line.
    pub arguments: Vec<Vec<u8>>,
}

/// How much a client wants to hear on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chatter {
    /// Nothing.
    #[default]
    No,
    /// `v`
    Verbose,
    /// `D`
    Debug,
}

/// What stands on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A command.
    Command(Command),
    /// `OPTION`, with its names.
    Options(Vec<Vec<u8>>),
    /// A command that can be none of ours: the code to answer it with.
    NotText(Code),
}

/// Why a line is no command; the connection is closed, as Dovecot does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Fewer than three fields.
    #[error("it sent no command")]
    NoCommand,
    /// A flag that Dovecot does not have.
    #[error("it sent a flag that doveadm does not have")]
    Flag,
}

impl Line {
    /// The line without its end. `has_extra`: the version in use has extra fields.
    ///
    /// # Errors
    /// It is none.
    pub fn read(line: &[u8], has_extra: bool) -> Result<Self, LineFault> {
        let mut fields = tab_escaped::fields(line);
        let flags = fields.next().ok_or(LineFault::NoCommand)?;
        let mut chatter = Chatter::No;
        let mut extra = None;
        for flag in flags {
            match flag {
                b'D' => chatter = Chatter::Debug,
                b'v' if chatter == Chatter::No => chatter = Chatter::Verbose,
                b'v' => {}
                b'x' if has_extra && extra.is_none() => {
                    extra = Some(fields.next().ok_or(LineFault::NoCommand)?);
                }
                _ => return Err(LineFault::Flag),
            }
        }
        let user = fields.next().ok_or(LineFault::NoCommand)?;
        let name = fields.next().ok_or(LineFault::NoCommand)?;
        let arguments: Vec<Vec<u8>> = fields.collect();
        // Of a server of an earlier version it is a command like any other.
        if name == b"OPTION" && has_extra {
            return Ok(Self::Options(arguments));
        }
        let Ok(name) = String::from_utf8(name) else { return Ok(Self::NotText(Code::Nothing)) };
        let Ok(user) = String::from_utf8(user) else { return Ok(Self::NotText(Code::NoUser)) };
        let mut command = Command {
            chatter,
            ttl: limits::DOVEADM_PROXY_TTL,
            forwards: Vec::new(),
            user: user.into(),
            name: name.into(),
            arguments,
        };
        for field in extra.iter().flat_map(|extra| tab_escaped::fields(extra)) {
            if let Some(ttl) = field.strip_prefix(b"proxy-ttl=") {
                let ttl = std::str::from_utf8(ttl).ok().and_then(|ttl| ttl.parse::<u8>().ok());
                // Nonsense gives no further hop; a number that is too large gives as many as a fresh command has.
                command.ttl = ttl.unwrap_or(0).min(limits::DOVEADM_PROXY_TTL);
            } else if field.starts_with(b"forward=")
                && command.forwards.len() < limits::FORWARDS_MAX
            {
                command.forwards.push(field);
            }
        }
        Ok(Self::Command(command))
    }
}

impl Command {
    /// A command about a user, as a fresh client says it.
    #[must_use]
    pub fn new(user: &str, name: &str, arguments: &[&str]) -> Self {
        Self {
            chatter: Chatter::No,
            ttl: limits::DOVEADM_PROXY_TTL,
            forwards: Vec::new(),
            user: user.into(),
            name: name.into(),
            arguments: arguments.iter().map(|it| it.as_bytes().to_vec()).collect(),
        }
    }

    /// The line, with its end. `has_extra`: the version in use has extra fields.
    #[must_use]
    pub fn to_line(&self, has_extra: bool) -> Vec<u8> {
        let mut line = match self.chatter {
            Chatter::No => Vec::new(),
            Chatter::Verbose => b"v".to_vec(),
            Chatter::Debug => b"D".to_vec(),
        };
        if has_extra {
            line.push(b'x');
            let mut extra = Vec::new();
            tab_escaped::append_field(format!("proxy-ttl={}", self.ttl).as_bytes(), &mut extra);
            for forward in &self.forwards {
                tab_escaped::append_field(forward, &mut extra);
            }
            append(&extra, &mut line);
        }
        append(self.user.as_bytes(), &mut line);
        append(self.name.as_bytes(), &mut line);
        for argument in &self.arguments {
            append(argument, &mut line);
        }
        line.push(b'\n');
        line
    }

    /// The arguments as text; what is not UTF-8 is shown so that it matches nothing.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.arguments.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect()
    }
}

/// One field behind others, also where nothing stands before it.
fn append(field: &[u8], line: &mut Vec<u8>) {
    line.push(b'\t');
    let mut escaped = Vec::with_capacity(field.len());
    tab_escaped::append_field(field, &mut escaped);
    line.append(&mut escaped);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &[u8]) -> Command {
        match Line::read(line, true).unwrap() {
            Line::Command(command) => command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn w_dov_3_the_line_of_debians_doveadm_is_read() {
        let read = command(b"\tbob\tmailbox list\t-u\tbob\t--");
        assert_eq!(read, Command::new("bob", "mailbox list", &["-u", "bob", "--"]));
        assert_eq!(command(b"D\t\twho\ta\x01tb").arguments, [b"a\tb"]);
        assert_eq!(command(b"Dv\t\twho").chatter, Chatter::Debug);
    }

    #[test]
    fn w_dov_3_extra_fields_tell_the_hops_that_are_left() {
        let read = command(b"vx\tproxy-ttl=3\x01tforward=a=b\x011tc\tbob\tfetch\ttext");
        assert_eq!((read.ttl, read.chatter), (3, Chatter::Verbose));
        assert_eq!(read.forwards, [b"forward=a=b\tc"]);
        assert_eq!(command(b"x\tproxy-ttl=255\tbob\tfetch").ttl, limits::DOVEADM_PROXY_TTL);
        assert_eq!(command(b"x\tproxy-ttl=-1\tbob\tfetch").ttl, 0);
        let again = read.to_line(true);
        assert_eq!(command(&again[..again.len() - 1]), read);
        assert_eq!(command(b"\tbob\tfetch").to_line(false), b"\tbob\tfetch\n");
    }

    #[test]
    fn w_dov_3_what_dovecot_closes_upon_is_no_command() {
        for (line, has_extra, fault) in [
            (&b""[..], true, LineFault::NoCommand),
            (b"\tbob", true, LineFault::NoCommand),
            (b"z\tbob\twho", true, LineFault::Flag),
            (b"x\tproxy-ttl=1\tbob\twho", false, LineFault::Flag),
            (b"x\tproxy-ttl=1\tbob", true, LineFault::NoCommand),
        ] {
            assert_eq!(Line::read(line, has_extra), Err(fault), "{line:?}");
        }
        for (line, code) in
            [(&b"\tb\xFFb\twho"[..], Code::NoUser), (b"\tbob\tw\xFFo", Code::Nothing)]
        {
            assert_eq!(Line::read(line, true), Ok(Line::NotText(code)), "{line:?}");
        }
        let options = Line::Options(vec![b"log-passthrough".to_vec()]);
        assert_eq!(Line::read(b"\t\tOPTION\tlog-passthrough", true), Ok(options));
        let command = Command::new("", "OPTION", &["log-passthrough"]);
        let early = Line::read(b"\t\tOPTION\tlog-passthrough", false);
        assert_eq!(early, Ok(Line::Command(command)));
    }
}
