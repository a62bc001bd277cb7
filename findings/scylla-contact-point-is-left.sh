#!/usr/bin/env bash
# The driver scylla leaves the contact point it was given for the address that the node says it has
#
# Version: crate scylla 1.9.0; Cassandra 5.0.9.
# Behaviour: a session is given one contact point, a TCP proxy in front of a node. It asks there for `system.local`, finds the node's own
#   `rpc_address`, and makes its pool of connections to that one. Requests go past the proxy. What is to stand in between
#   (a tunnel, a test's proxy) has to rewrite the addresses in the answers, or to give the session an address translator.
# Seen:
#   the session knows: 127.7.9.2:19142
#   bytes through the contact point while 200 requests were made: 0
# Takes 70 s: it builds the driver, and starts a Cassandra (tests/cassandra/cassandra).
# Exits with 0 while that holds.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
processes=()
clean_up() {
    if [ "${#processes[@]}" -gt 0 ]; then
        { kill -KILL "${processes[@]}" && wait "${processes[@]}"; } 2>/dev/null || true
    fi
    "$here/tests/cassandra/cassandra" stop "$place/node" || true
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

mkdir -p "$place/client/src"
cat >"$place/client/Cargo.toml" <<'TOML'
[package]
name = "client"
version = "0.0.0"
edition = "2024"

[dependencies]
scylla = { version = "=1.9.0", default-features = false }
tokio = { version = "1", features = ["rt", "macros", "time"] }

[profile.dev]
debug = false
TOML
cat >"$place/client/src/main.rs" <<'RUST'
use scylla::client::session_builder::SessionBuilder;

/// Bytes that the proxy has passed on so far.
fn passed() -> u64 {
    std::fs::read_to_string(std::env::var("PASSED").unwrap()).unwrap().trim().parse().unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let session = SessionBuilder::new().known_node("127.7.9.3:19142").build().await.unwrap();
    for node in session.get_cluster_state().get_nodes_info() {
        println!("the session knows: {}", node.address);
    }
    let before = passed();
    for _ in 0..200 {
        session.query_unpaged("select cluster_name from system.local", &[]).await.unwrap();
    }
    println!("bytes through the contact point while 200 requests were made: {}", passed() - before);
}
RUST

# Passes bytes on, and counts them in a file.
cat >"$place/proxy.py" <<'PYTHON'
import socket, sys, threading
passed, lock = 0, threading.Lock()
def count(more):
    global passed
    with lock:
        passed += more
        with open(sys.argv[1], "r+") as file:
            file.write(f"{passed:020}\n")
def pass_on(source, sink):
    try:
        while piece := source.recv(65536):
            count(len(piece))
            sink.sendall(piece)
    except OSError:
        pass
    sink.close()
listener = socket.create_server(("127.7.9.3", 19142))
while True:
    client, _ = listener.accept()
    node = socket.create_connection(("127.7.9.2", 19142))
    for pair in ((client, node), (node, client)):
        threading.Thread(target=pass_on, args=pair, daemon=True).start()
PYTHON
export PASSED="$place/passed"
printf '%020d\n' 0 >"$PASSED"

(cd "$place/client" && CARGO_TARGET_DIR="$place/target" cargo build -q -j2)
"$here/tests/cassandra/cassandra" start "$place/node" --address 127.7.9.2 --port 19142 --for $$
python3 "$place/proxy.py" "$PASSED" &
processes+=($!)
seen=$(
    for _ in $(seq 50); do
        "$place/target/debug/client" 2>/dev/null && break
        sleep 0.2
    done
)
through=$(cat "$PASSED")
echo "$seen"
[ "$((10#$through))" -gt 0 ] || { echo "the contact point was not asked at all"; exit 1; }
[ "$seen" = "the session knows: 127.7.9.2:19142
bytes through the contact point while 200 requests were made: 0" ]
