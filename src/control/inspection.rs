//! `hale check-config --connect`: dials every backend of the GeoDB as a login would, and says what its TLS is like.
//!
//! Duty: for each protocol that is served connect, PROXY header, STARTTLS or TLS at once, the handshake, and the verdict on
//! the certificate, with the same trust and under the same name as a login. Not its duty: logging in; no name and no password
//! goes there. Every dial is bounded by `INSPECTION_TIMEOUT`, and so many go on at once that a dead site costs little more.
//! Driver: `boot`, for the command line. Tests: `talk`, below; `tests/appliance/e2e/inspection.rs` with real backends.

mod talk;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::expiry::NOTICE_DAYS;
use super::resolver::Resolver;
use super::wall_clock::unix_seconds;
use crate::config::Config;
use crate::config::model::{ProtocolSettings, ProxyHeader, ProxySsl};
use crate::event::cleaned;
use crate::limits;
use crate::names::Protocol;
use crate::proxy_header::announce::{Extensions, SendHeader, SiteHeader};
use crate::proxy_header::encode::{self, Endpoints, Outgoing};
use crate::ring::socket;
use crate::tls::{Backends, Engine, Trust};
use crate::wire::certificate::{Certificate, written};
use crate::wire::der;
use talk::{Answer, Talk};

/// What one dial came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// For the operator, one line.
    pub line: String,
    /// Whether logins will work.
    pub outcome: Outcome,
}

/// Whether logins will work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They will.
    Good,
    /// They will, and an operator should look at it.
    Odd,
    /// They may when the backend is up.
    Unreachable,
    /// They won't until an operator changes something.
    Refused,
}

/// Dials the backends of these names on the ports of all protocols that are served; the answers come in that order.
///
/// # Errors
/// The kernel gives no sockets to ask with.
pub fn inspect(
    config: &Config,
    trust: &Trust,
    hosts: &[Box<str>],
) -> std::io::Result<Vec<Inspected>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(inspect_all(config, trust, hosts)))
}

/// Whether the load balancer of another site takes connections: it accepts one and, where a greeting comes in clear, greets. `way`: how hosts on that
/// port are spoken to; none: any connection will do.
///
/// # Errors
/// This host lacks what a connection takes, which says nothing of the other (W-FAIL-8).
pub(super) async fn greets(
    load_balancer: &str,
    peer: SocketAddr,
    way: Option<(Protocol, &ProtocolSettings)>,
) -> std::io::Result<bool> {
    let stream = match TcpStream::connect(peer).await {
        Ok(stream) => stream,
        Err(error) if socket::is_shortage(&error) => return Err(error),
        Err(_) => return Ok(false),
    };
    let Some((protocol, settings)) = way else { return Ok(true) };
    let mut line = Line { stream, received: Vec::new() };
    let header = site_header(settings).encode(load_balancer);
    if line.stream.write_all(&header).await.is_err() {
        return Ok(false);
    }
    Ok(settings.proxy_ssl == ProxySsl::Yes || line.talk(Talk::greeting(protocol)).await.is_ok())
}

fn site_header(settings: &ProtocolSettings) -> SiteHeader {
    let header = match settings.site_send_header {
        ProxyHeader::No => SendHeader::No,
        ProxyHeader::V1 => SendHeader::V1,
        ProxyHeader::V2 => SendHeader::V2(Extensions::NONE),
    };
    let only = settings.site_send_header_to.iter().map(|name| name.as_str().into());
    SiteHeader::new(header, only.collect())
}

async fn inspect_all(config: &Config, trust: &Trust, hosts: &[Box<str>]) -> Vec<Inspected> {
    let room = Arc::new(Semaphore::new(limits::INSPECTIONS_AT_ONCE_MAX));
    let resolver = Resolver::new(config.cluster.hosts_file.clone());
    let mut dials = JoinSet::new();
    let pairs = hosts.iter().flat_map(|host| config.protocols.iter().map(move |it| (host, *it)));
    for (index, (host, protocol)) in pairs.enumerate() {
        let (room, resolver) = (Arc::clone(&room), resolver.clone());
        let dial = Dial {
            host: host.clone(),
            protocol,
            settings: config.protocol(protocol).clone(),
            own_name: config.hostname.as_deref().unwrap_or("localhost").to_owned(),
            must_prove: config.protocol(protocol).verify_backends,
            trust: trust.clone(),
        };
        dials.spawn(async move {
            // It is never closed, so there is room in the end.
            let _room = room.acquire_owned().await;
            (index, dial.inspected(&resolver).await)
        });
    }
    let mut all = dials.join_all().await;
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, inspected)| inspected).collect()
}

/// One backend, by one protocol.
struct Dial {
    host: Box<str>,
    protocol: Protocol,
    settings: ProtocolSettings,
    own_name: String,
    must_prove: bool,
    trust: Trust,
}

/// What went wrong, and whether it is the way there or how the backend is set up.
type Trouble = (Outcome, String);

impl Dial {
    async fn inspected(&self, resolver: &Resolver) -> Inspected {
        let Self { host, protocol, settings, .. } = self;
        let addresses = resolver.resolve(host).await;
        let port = settings.proxy_port;
        let seen = timeout(limits::INSPECTION_TIMEOUT, self.dialled(&addresses)).await;
        let seen = seen.unwrap_or_else(|_| {
            let seconds = limits::INSPECTION_TIMEOUT.as_secs();
            Err((Outcome::Unreachable, format!("no end within {seconds} seconds")))
        });
        let how = match settings.proxy_ssl {
            ProxySsl::No => "no TLS",
            ProxySsl::StartTls => "starttls",
            ProxySsl::Yes => "tls",
        };
        let (outcome, text) = seen.unwrap_or_else(|trouble| trouble);
        let word = match outcome {
            Outcome::Good => "good",
            Outcome::Odd => "odd",
            Outcome::Unreachable => "not reached",
            Outcome::Refused => "refused",
        };
        Inspected { line: format!("{host}:{port} {protocol} ({how}): {word}: {text}"), outcome }
    }

    async fn dialled(&self, addresses: &[IpAddr]) -> Result<(Outcome, String), Trouble> {
        let unreachable = |text: String| (Outcome::Unreachable, text);
        if addresses.is_empty() {
            let text = "no address is known for it; write it into cluster_hosts_file or the DNS";
            return Err((Outcome::Refused, text.to_owned()));
        }
        let mut last = String::new();
        for address in addresses {
            let peer = SocketAddr::new(*address, self.settings.proxy_port);
            match TcpStream::connect(peer).await {
                Ok(stream) => {
                    let mut line = Line { stream, received: Vec::new() };
                    line.announce(&self.settings, peer)
                        .await
                        .map_err(|error| unreachable(format!("{peer}: {error}")))?;
                    return self.met(&mut line).await;
                }
                Err(error) => last = format!("{peer}: {error}"),
            }
        }
        Err(unreachable(format!("{last}; is it up, and is proxy_port right?")))
    }

    async fn met(&self, line: &mut Line) -> Result<(Outcome, String), Trouble> {
        let own_name = self.own_name.as_str();
        match self.settings.proxy_ssl {
            ProxySsl::No => {
                line.talk(Talk::greeting(self.protocol)).await?;
                Ok((Outcome::Good, "it greets; nothing is encrypted (proxy_ssl = no)".to_owned()))
            }
            ProxySsl::StartTls => {
                line.talk(Talk::until_tls(self.protocol, own_name)).await?;
                if !line.received.is_empty() {
                    let text = "bytes in clear where TLS begins: an attacker on the way, or a broken backend";
                    return Err((Outcome::Refused, text.to_owned()));
                }
                self.shake_hands(line).await
            }
            ProxySsl::Yes => self.shake_hands(line).await,
        }
    }

    async fn shake_hands(&self, line: &mut Line) -> Result<(Outcome, String), Trouble> {
        let refused = |fault: &crate::tls::Fault| {
            let outcome = match fault.is_lasting() {
                true => Outcome::Refused,
                false => Outcome::Unreachable,
            };
            (outcome, fault.detail().to_owned())
        };
        // Whatever it shows is looked at, and judged afterwards.
        let mut hello = Vec::new();
        let mut engine = Engine::client(&Backends::new(&self.trust), &self.host, true, &mut hello)
            .map_err(|fault| refused(&fault))?;
        line.send(&hello).await?;
        while engine.is_handshaking() {
            let mut bytes = vec![0; limits::TLS_HOT_READ_BYTES];
            let start = engine.lay_stash(&mut bytes);
            let read = line.read(bytes.get_mut(start..).unwrap_or_default()).await?;
            if read == 0 {
                return Err((Outcome::Unreachable, "closed in the TLS handshake".to_owned()));
            }
            let mut reply = Vec::new();
            let bytes = bytes.get_mut(..start + read).unwrap_or_default();
            let outcome = engine.open(bytes, &mut Vec::new(), &mut reply);
            // What it said counts for more than that it is gone.
            let sent = line.send(&reply).await;
            outcome.map_err(|fault| refused(&fault))?;
            sent?;
        }
        let version = engine.established().version;
        let chain = engine.peer_certificates();
        let mut goodbye = Vec::new();
        engine.close(&mut goodbye);
        // It knows enough: what it makes of our goodbye does not matter.
        let _ = line.send(&goodbye).await;
        Ok(self.judged(version, &chain))
    }

    fn judged(&self, version: &str, chain: &[Vec<u8>]) -> (Outcome, String) {
        let now = unix_seconds();
        let verdict = self.trust.judge(chain, &self.host, u64::try_from(now).unwrap_or_default());
        let (shown, ends) = shown(chain);
        let seen = format!("{version}, {shown}");
        match verdict {
            Err(fault) if self.must_prove => {
                (Outcome::Refused, format!("{}; it shows {seen}", fault.detail()))
            }
            Err(fault) => {
                let why = fault.detail();
                let text =
                    format!("{seen}; not looked at (ssl_client_require_valid_cert = no): {why}");
                (Outcome::Odd, text)
            }
            Ok(()) => match ends.map(|ends| (ends - now) / 86_400) {
                Some(days) if days < NOTICE_DAYS => {
                    (Outcome::Odd, format!("{seen}; it ends in {days} days, renew it"))
                }
                _ => (Outcome::Good, seen),
            },
        }
    }
}

/// What stands in a backend's certificate, and when it ends.
fn shown(chain: &[Vec<u8>]) -> (String, Option<i64>) {
    let Some(own) = chain.first().and_then(|own| Certificate::read(own)) else {
        return ("a certificate that can't be read".to_owned(), None);
    };
    let hosts = match own.hosts() {
        hosts if hosts.is_empty() => "no host (subjectAltName)".to_owned(),
        hosts => hosts.join(" "),
    };
    let maker = match own.is_own_issuer() {
        true => "itself".to_owned(),
        false => written(own.issuer),
    };
    let mark = if own.is_authority() { ", marked as an authority (CA:TRUE)" } else { "" };
    let dates = match own.validity() {
        Some((begins, ends)) => format!("{} to {}", der::day(begins), der::day(ends)),
        None => "dates that can't be read".to_owned(),
    };
    let behind = chain.len().saturating_sub(1);
    let [whose, hosts, maker] = [written(own.subject), hosts, maker].map(|text| clean(&text));
    let text = format!(
        "a certificate of version {} of {whose} for {hosts}, made by {maker}{mark}, {dates}, {behind} more behind it",
        own.version
    );
    (text, own.validity().map(|(_, ends)| ends))
}

fn clean(text: &str) -> Box<str> {
    cleaned(text.as_bytes(), SHOWN_BYTES_MAX)
}

/// A connection on which lines are spoken before TLS.
struct Line {
    stream: TcpStream,
    /// Read, and no whole line yet, or not asked for.
    received: Vec<u8>,
}

impl Line {
    /// The PROXY header that backends of this protocol want: we come for ourselves.
    async fn announce(
        &mut self,
        settings: &ProtocolSettings,
        peer: SocketAddr,
    ) -> std::io::Result<()> {
        let endpoints = Endpoints { source: self.stream.local_addr()?, destination: peer };
        let header = match settings.proxy_send_header {
            ProxyHeader::No => return Ok(()),
            ProxyHeader::V1 => encode::v1(Some(endpoints)),
            ProxyHeader::V2 => {
                encode::v2(&Outgoing { endpoints: Some(endpoints), ..Outgoing::default() }).bytes
            }
        };
        self.stream.write_all(&header).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.stream.write_all(bytes).await.map_err(lost)
    }

    async fn read(&mut self, space: &mut [u8]) -> Result<usize, Trouble> {
        self.stream.read(space).await.map_err(lost)
    }

    /// Goes through `talk` to its end.
    async fn talk(&mut self, mut talk: Talk) -> Result<(), Trouble> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                match talk.hear(line.trim_ascii_end()) {
                    Answer::More => {}
                    Answer::Say(words) => self.send(words.as_bytes()).await?,
                    Answer::Done => return Ok(()),
                    Answer::Never(why) => {
                        let line = clean(&String::from_utf8_lossy(&line)).trim_end().to_owned();
                        return Err((Outcome::Refused, format!("{why}: {line}")));
                    }
                }
                continue;
            }
            if self.received.len() > limits::BACKEND_LINE_BYTES_MAX {
                return Err((Outcome::Refused, "it speaks a line without end".to_owned()));
            }
            let mut space = [0; 4096];
            match self.read(&mut space).await? {
                0 => {
                    let text = "closed before TLS began; with proxy_ssl = yes TLS begins at once";
                    return Err((Outcome::Unreachable, text.to_owned()));
                }
                read => self.received.extend_from_slice(space.get(..read).unwrap_or_default()),
            }
        }
    }
}

fn lost(error: std::io::Error) -> Trouble {
    (Outcome::Unreachable, format!("the connection broke: {error}"))
}

const SHOWN_BYTES_MAX: usize = 200;
