# A service on the web that knows users: python3 user_service.py PORT KEYS
#
# /keys is the file KEYS, /token gives tokens for passwords, /check introspects the tokens `good-NAME`, /auth is what nginx's auth_http asks, /policy a policy server.
# Behind SIGUSR1 it answers by another schema, behind the next one by its own again.
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

port, keys = int(sys.argv[1]), sys.argv[2]
is_other = False


def turn(*_):
    global is_other
    is_other = not is_other


signal.signal(signal.SIGUSR1, turn)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer("")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.answer(self.rfile.read(length).decode())

    def answer(self, asked):
        path = self.path.split("?")[0]
        fields, body = {}, ""
        if path == "/keys":
            with open(keys) as file:
                body = file.read()
            body = body.replace('"keys"', '"others"') if is_other else body
        elif path == "/check":
            token = parse_qs(asked).get("token", [""])[0]
            kind, _, name = token.partition("-")
            body = {"active": kind == "good", "email": name}
            body = json.dumps({"valid": kind == "good", "login": name} if is_other else body)
        elif path == "/token":
            asked = parse_qs(asked)
            name, password = asked["username"][0], asked["password"][0]
            body = {"access_token": f"good-{name}"} if password == "quince" else {"error": "invalid_grant"}
            body = json.dumps(body)
        elif path == "/auth":
            is_good = self.headers.get("Auth-Pass") == "quince"
            is_known = not self.headers.get("Auth-User", "eve").startswith("eve")
            status = "OK" if is_good and is_known else "No"
            fields = {("X-Status" if is_other else "Auth-Status"): status}
        elif path == "/policy":
            status = {"status": 0, "msg": ""}
            body = json.dumps({"r": status} if is_other else status)
        body = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", port), Handler).serve_forever()
