"""Headers as proxy-protocol of PyPI writes them, for tests/pure/senders.rs. `tests/senders/generate` calls this."""

from ipaddress import IPv4Address, IPv6Address
from socket import SOCK_DGRAM, SOCK_STREAM

from proxyprotocol.result import (ProxyResultIPv4, ProxyResultIPv6, ProxyResultLocal, ProxyResultUnix,
                                  ProxyResultUnknown)
from proxyprotocol.tlv import ProxyProtocolSSLTLV, ProxyProtocolTLV
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

FOUR, SIX = "198.51.100.7:1000 203.0.113.1:143", "[2001:db8::7]:1000 [2001:db8::1]:143"
ADDRESSES4 = (IPv4Address("198.51.100.7"), 1000), (IPv4Address("203.0.113.1"), 143)
ADDRESSES6 = (IPv6Address("2001:db8::7"), 1000), (IPv6Address("2001:db8::1"), 143)


def write(what, expected, version, result):
    print(f"{what} | {expected} | {version.pack(result).hex()}")


def four(protocol=SOCK_STREAM, **tlvs):
    return ProxyResultIPv4(*ADDRESSES4, protocol=protocol, tlv=ProxyProtocolTLV(**tlvs))


def six(protocol=SOCK_STREAM, **tlvs):
    return ProxyResultIPv6(*ADDRESSES6, protocol=protocol, tlv=ProxyProtocolTLV(**tlvs))


one, two = ProxyProtocolV1(), ProxyProtocolV2()
write("v1 IPv4", FOUR, one, four())
write("v1 IPv6", SIX, one, six())
write("v1 unknown", "socket", one, ProxyResultUnknown())
write("v2 IPv4", FOUR, two, four())
write("v2 IPv6", SIX, two, six())
write("v2 LOCAL", "socket", two, ProxyResultLocal())
write("v2 unknown", "socket", two, ProxyResultUnknown())
write("v2 UNIX", "socket", two, ProxyResultUnix("/run/balancer", "/run/mail", protocol=SOCK_STREAM))
write("v2 datagram IPv4", "socket", two, four(SOCK_DGRAM))
write("v2 datagram IPv6", "socket", two, six(SOCK_DGRAM))
write("v2 UNIX datagram", "socket", two, ProxyResultUnix("/run/balancer", "/run/mail", protocol=SOCK_DGRAM))
# Without a protocol it writes a family without a transport, which the specification does not know.
write("v2 IPv4 without a transport", "refused Family", two, ProxyResultIPv4(*ADDRESSES4))
write("v2 name", FOUR + " name=mail.example.net", two, four(authority="mail.example.net"))
write("v2 UTF-8 as name", SIX, two, six(authority="b\u00fccher.example"))
write("v2 protocol and id", FOUR, two, four(alpn=b"imap", unique_id=b"balancer-1"))
ssl = ProxyProtocolSSLTLV(has_ssl=True, has_cert_conn=True, verified=True, version="TLSv1.3", cn="tim",
                          cipher="TLS_AES_128_GCM_SHA256")
write("v2 TLS", FOUR + " tls=tim", two, four(ssl=ssl))
unverified = ProxyProtocolSSLTLV(has_ssl=True, has_cert_conn=True, verified=False, cn="tim")
write("v2 TLS, certificate not verified", SIX + " tls", two, six(ssl=unverified))
