// Headers as go-proxyproto writes them, for tests/pure/senders.rs. `tests/senders/generate` calls this.
package main

import (
	"encoding/hex"
	"fmt"
	"net"

	proxy "github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

var (
	client4 = &net.TCPAddr{IP: net.ParseIP("198.51.100.7").To4(), Port: 1000}
	local4  = &net.TCPAddr{IP: net.ParseIP("203.0.113.1").To4(), Port: 143}
	client6 = &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1000}
	local6  = &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 143}
	mapped  = &net.TCPAddr{IP: net.ParseIP("198.51.100.7").To16(), Port: 1000}
)

// What Hale has to make of it, and the header.
func write(what, expected string, header *proxy.Header) {
	bytes, err := header.Format()
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
	fmt.Printf("%s | %s | %s\n", what, expected, hex.EncodeToString(bytes))
}

func forClient(version byte, source, destination net.Addr, tlvs ...proxy.TLV) *proxy.Header {
	header := proxy.HeaderProxyFromAddrs(version, source, destination)
	if err := header.SetTLVs(tlvs); err != nil {
		panic(err)
	}
	return header
}

func tlv(kind proxy.PP2Type, value string) proxy.TLV {
	return proxy.TLV{Type: kind, Value: []byte(value)}
}

func main() {
	four, six := "198.51.100.7:1000 203.0.113.1:143", "[2001:db8::7]:1000 [2001:db8::1]:143"
	for version := byte(1); version <= 2; version++ {
		name := fmt.Sprintf("v%d", version)
		write(name+" IPv4", four, forClient(version, client4, local4))
		write(name+" IPv6", six, forClient(version, client6, local6))
		write(name+" IPv4 in 16 bytes", four, forClient(version, mapped, local4))
		write(name+" nothing known", "socket", forClient(version, nil, nil))
	}
	// The library takes the family from the source and writes both addresses as they are.
	mixed := &proxy.Header{Version: 1, Command: proxy.PROXY, TransportProtocol: proxy.TCPv6, SourceAddr: client6, DestinationAddr: local4}
	write("v1 mixed", "refused MixedFamilies", mixed)
	local := &proxy.Header{Version: 2, Command: proxy.LOCAL, TransportProtocol: proxy.UNSPEC}
	write("v2 LOCAL", "socket", local)
	udp := func(address *net.TCPAddr) *net.UDPAddr { return &net.UDPAddr{IP: address.IP, Port: address.Port} }
	write("v2 datagram IPv4", "socket", forClient(2, udp(client4), udp(local4)))
	write("v2 datagram IPv6", "socket", forClient(2, udp(client6), udp(local6)))
	path := func(kind string) *net.UnixAddr { return &net.UnixAddr{Name: "/run/balancer", Net: kind} }
	write("v2 UNIX", "socket", forClient(2, path("unix"), path("unix")))
	write("v2 UNIX datagram", "socket", forClient(2, path("unixgram"), path("unixgram")))

	name := tlv(proxy.PP2_TYPE_AUTHORITY, "mail.example.net")
	write("v2 name", four+" name=mail.example.net", forClient(2, client4, local4, name))
	write("v2 address literal as name", four, forClient(2, client4, local4, tlv(proxy.PP2_TYPE_AUTHORITY, "2001:db8::1")))
	ssl, err := tlvparse.PP2SSL{
		Client: tlvparse.PP2_BITFIELD_CLIENT_SSL | tlvparse.PP2_BITFIELD_CLIENT_CERT_CONN,
		Verify: 0,
		TLV:    []proxy.TLV{tlv(proxy.PP2_SUBTYPE_SSL_VERSION, "TLSv1.3"), tlv(proxy.PP2_SUBTYPE_SSL_CN, "tim")},
	}.Marshal()
	if err != nil {
		panic(err)
	}
	write("v2 TLS", six+" tls=tim", forClient(2, client6, local6, ssl))
	write("v2 padding and what sites add", four, forClient(2, client4, local4,
		tlv(proxy.PP2_TYPE_NOOP, "padding"), tlv(proxy.PP2_TYPE_MIN_CUSTOM, "\x00site"), tlv(proxy.PP2_TYPE_NETNS, "blue")))
	// VPC endpoint of AWS, link of Azure, connection of Google's Private Service Connect.
	write("v2 AWS", four, forClient(2, client4, local4, tlv(tlvparse.PP2_TYPE_AWS, "\x01vpce-0123456789abcdef0")))
	write("v2 Azure", four, forClient(2, client4, local4, tlv(tlvparse.PP2_TYPE_AZURE, "\x01\x04\x03\x02\x01")))
	write("v2 Google", four, forClient(2, client4, local4, tlv(tlvparse.PP2_TYPE_GCP, "\x00\x00\x00\x00\x00\x01\x02\x03")))
}
