#!/usr/bin/env bash
# proxy-protocol (Python) writes a header by default that no reader may accept
#
# Version: proxy-protocol 0.11.3 (PyPI).
# Behaviour: a client's result without the optional `protocol` (ProxyResultIPv4(source, dest), as in a test or a proxy that knows nothing but
#   TCP) is packed by version 2 as family and transport 0x10: IPv4 with no transport. The specification lists no such value and wants it
#   rejected, and Dovecot does. The library reads its own header without a complaint.
# Seen:
#   family and transport: 0x10
#   read back: 198.51.100.7
# Exits with 0 while that holds.
set -euo pipefail

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM HUP
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet proxy-protocol==0.11.3
said=$("$place/venv/bin/python" - <<'PYTHON'
import asyncio
from ipaddress import IPv4Address
from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.result import ProxyResultIPv4
from proxyprotocol.v2 import ProxyProtocolV2

version = ProxyProtocolV2()
header = version.pack(ProxyResultIPv4((IPv4Address("198.51.100.7"), 1000), (IPv4Address("203.0.113.1"), 143)))
print(f"family and transport: {header[13]:#04x}")


async def read_back():
    reader = asyncio.StreamReader()
    reader.feed_data(header)
    reader.feed_eof()
    return await ProxyProtocolReader(version).read(reader)


print(f"read back: {asyncio.run(read_back()).source[0]}")
PYTHON
)
echo "$said"
[ "$said" = "family and transport: 0x10
read back: 198.51.100.7" ]
