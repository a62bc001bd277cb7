//! TLS around the tests' plain clients and backends: a thread between two sockets, with the TLS library's own buffered
//! side.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::certificate::Pem;
use super::imap::Imap;
use super::wait::PATIENCE;

/// A client that trusts `pem`; every connection made with one of these may resume a session of another.
pub(crate) fn client_config(pem: &Pem) -> Arc<ClientConfig> {
    let config = ClientConfig::builder().with_root_certificates(roots(pem)).with_no_client_auth();
    Arc::new(config)
}

/// A client that trusts `pem`, speaks this version only, and shows `own` if it is asked.
pub(crate) fn certified_config(
    pem: &Pem,
    version: &'static SupportedProtocolVersion,
    own: &Pem,
) -> Arc<ClientConfig> {
    let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[version]);
    let config = config.with_root_certificates(roots(pem));
    Arc::new(config.with_client_auth_cert(chain, key).unwrap())
}

pub(crate) fn roots(pem: &Pem) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.certificate.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    roots
}

/// A client whose plain bytes travel by TLS; the greeting is not read yet.
pub(crate) fn connect(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Imap {
    wrap(TcpStream::connect(address).unwrap(), name, config)
}

/// The rest of an open connection by TLS: behind STARTTLS.
pub(crate) fn wrap(stream: TcpStream, name: &str, config: &Arc<ClientConfig>) -> Imap {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let (near, far) = pair();
    thread::spawn(move || carry(tls.into(), stream, far));
    Imap::open(near)
}

/// The same on a connection on which nothing was said yet: these bytes travel in one segment with the ClientHello.
pub(crate) fn wrap_behind(
    first: &[u8],
    mut stream: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
) -> Imap {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut flight = first.to_vec();
    while tls.wants_write() {
        tls.write_tls(&mut flight).unwrap();
    }
    stream.write_all(&flight).unwrap();
    let (near, far) = pair();
    thread::spawn(move || carry(tls.into(), stream, far));
    Imap::open(near)
}

/// A port of our own: who connects to it in clear is carried to `address` by TLS.
pub(crate) fn tunnel(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let entrance = listener.local_addr().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let tls = ClientConnection::new(Arc::clone(&config), name.clone()).unwrap();
            // A server that is gone is not this thread's business: its client notices.
            let Ok(outer) = TcpStream::connect(address) else { continue };
            thread::spawn(move || carry(tls.into(), outer, near));
        }
    });
    entrance
}

/// Two ends of one connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Carries bytes until both directions are over: the end of one side becomes a close_notify and the end of the other.
fn carry(mut tls: Connection, mut outer: TcpStream, mut inner: TcpStream) {
    for stream in [&outer, &inner] {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut buffer = [0; 65_536];
    while !(up.shut && down.shut) {
        let outer_flags = flags(!down.ended, tls.wants_write());
        let inner_flags = flags(!up.ended && !tls.wants_write(), !down.bytes.is_empty());
        let mut both = [PollFd::new(&outer, outer_flags), PollFd::new(&inner, inner_flags)];
        poll(&mut both, None).unwrap();
        if !up.ended && !tls.wants_write() {
            match inner.read(&mut buffer) {
                Ok(0) => {
                    up.ended = true;
                    tls.send_close_notify();
                }
                Ok(read) => tls.writer().write_all(&buffer[..read]).unwrap(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
        while tls.wants_write() {
            match tls.write_tls(&mut outer) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        if up.ended && !tls.wants_write() && !std::mem::replace(&mut up.shut, true) {
            let _ = outer.shutdown(Shutdown::Write);
        }
        if !down.ended && down.bytes.is_empty() {
            match tls.read_tls(&mut outer) {
                Ok(0) => down.ended = true,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => down.ended = true,
            }
            let state = match tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    eprintln!("the TLS library of the test: {error}");
                    let _ = tls.write_tls(&mut outer);
                    return;
                }
            };
            let mut fresh = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut fresh).unwrap();
            down.bytes.extend(fresh);
            down.ended |= state.peer_has_closed();
        }
        while !down.bytes.is_empty() {
            match inner.write(&down.bytes) {
                Ok(written) => drop(down.bytes.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        if down.ended && down.bytes.is_empty() && !std::mem::replace(&mut down.shut, true) {
            let _ = inner.shutdown(Shutdown::Write);
        }
    }
}

/// One direction of a bridge.
#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    ended: bool,
    shut: bool,
}

fn flags(reads: bool, writes: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, reads);
    flags.set(PollFlags::OUT, writes);
    flags
}

/// A client without a bridge, for whom little can be on the way.
pub(crate) fn small_window(
    address: SocketAddr,
    name: &str,
    config: Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    set_socket_recv_buffer_size(&stream, 4096).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}

/// Reads until this was said.
pub(crate) fn read_until(client: &mut StreamOwned<ClientConnection, TcpStream>, awaited: &str) {
    let mut told = String::new();
    while !told.contains(awaited) {
        let mut piece = [0; 1000];
        let read = client.read(&mut piece).unwrap();
        assert!(read > 0, "no {awaited}: {told}");
        told.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
}

/// A client that asks for new keys again and again and reads none of the answers; with a record of text in between,
/// since what arrives together is answered once.
pub(crate) fn renew_keys_without_end(mut client: StreamOwned<ClientConnection, TcpStream>) {
    let text = [&[b'x'; 16_000][..], b"\r\n"].concat();
    for _ in 0..20_000 {
        let is_over = client.conn.refresh_traffic_keys().is_err()
            || client.write_all(&text).and_then(|()| client.flush()).is_err();
        if is_over {
            return;
        }
    }
    panic!("no test minds");
}
