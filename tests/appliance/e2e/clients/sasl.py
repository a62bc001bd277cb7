# A SASL client of four protocols, in plain sockets, by the RFCs and not by Hale's own code.
#   sasl.py PROTOCOL DOOR PORT AUTHORITY MECHANISM USER SECRET [without-ir] [other-binding] [says-y]
# Prints each line it hears behind `< `, and `in` or `out` at the end. Mechanisms that are bound to TLS have it by OpenSSL itself (Debian's
# python3-openssl): Python's own module has no exporter.
import base64, hashlib, hmac, os, re, signal, socket, ssl, sys
protocol, door, port, authority, mechanism, user, secret = sys.argv[1:8]
is_bound = mechanism.endswith('-PLUS')
signal.alarm(60)
has_ir = 'without-ir' not in sys.argv
b64 = lambda data: base64.b64encode(data).decode()

# Lines of a connection of OpenSSL's.
class Lines:
    def __init__(self, connection):
        self.connection, self.rest = connection, b''
    def readline(self):
        while b'\n' not in self.rest:
            self.rest += self.connection.recv(4096)
        line, _, self.rest = self.rest.partition(b'\n')
        return line + b'\n'

class Line:
    def __init__(self):
        self.socket = socket.create_connection(('localhost', int(port)))
        self.file = self.socket.makefile('rb')
        if door == 'Implicit':
            self.secure()
    def secure(self):
        if is_bound:
            from OpenSSL import SSL
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.load_verify_locations(authority)
            context.set_verify(SSL.VERIFY_PEER, lambda connection, certificate, error, depth, good: good == 1)
            connection = SSL.Connection(context, self.socket)
            connection.set_tlsext_host_name(b'localhost')
            connection.set_connect_state()
            connection.do_handshake()
            self.exported = connection.export_keying_material(b'EXPORTER-Channel-Binding', 32)
            self.socket, self.file = connection, Lines(connection)
            return
        trust = ssl.create_default_context(cafile=authority)
        self.socket = trust.wrap_socket(self.socket, server_hostname='localhost')
        self.file = self.socket.makefile('rb')
    def say(self, text):
        self.socket.sendall(text.encode() + b'\r\n')
    def hear(self):
        line = self.file.readline()
        assert line.endswith(b'\r\n'), line
        text = line[:-2].decode()
        print('<', text)
        return text
    def until(self, pattern):
        while True:
            line = self.hear()
            if re.match(pattern, line):
                return line

line = Line()
ends = {'imap': r'a ', 'pop3': r'\+OK|-ERR', 'submission': r'\d\d\d ', 'sieve': r'OK|NO|BYE'}[protocol]
def greet():
    return line.until(r'\* OK' if protocol == 'imap' else ends)
greeting = greet()
if protocol == 'submission':
    line.say('EHLO client.test'); line.until(ends)
if door == 'Starttls':
    line.say({'imap': 'a STARTTLS', 'pop3': 'STLS'}.get(protocol, 'STARTTLS'))
    line.until(ends)
    line.secure()
    if protocol == 'sieve':
        line.until(ends)
    if protocol == 'submission':
        line.say('EHLO client.test'); line.until(ends)

def start(first):
    word = 'a AUTHENTICATE' if protocol == 'imap' else 'AUTHENTICATE' if protocol == 'sieve' else 'AUTH'
    name = f'"{mechanism}"' if protocol == 'sieve' else mechanism
    if first is None or not has_ir:
        line.say(f'{word} {name}')
    else:
        text = b64(first)
        line.say(f'{word} {name} ' + (f'"{text}"' if protocol == 'sieve' else text or '='))
def answer(message):
    line.say(f'"{b64(message)}"' if protocol == 'sieve' else b64(message))
# A challenge as bytes, or the last line.
def challenge():
    while True:
        text = line.hear()
        if protocol == 'imap' and text.startswith('* '):
            continue
        mark = {'imap': r'\+ ?(.*)', 'pop3': r'\+ (.*)', 'submission': r'334 (.*)', 'sieve': r'"(.*)"$'}[protocol]
        found = re.match(mark, text)
        return base64.b64decode(found[1], validate=True) if found else text

def scram(name):
    digest = 'sha1' if 'SHA-1' in name else 'sha256'
    H = lambda data: hashlib.new(digest, data).digest()
    M = lambda key, data: hmac.new(key, data, digest).digest()
    nonce = b64(os.urandom(18)); bound = b''; header = 'n,,'
    bare = f'n={user.replace("=", "=3D").replace(",", "=2C")},r={nonce}'
    if is_bound:
        header, bound = 'p=tls-exporter,,', getattr(line, 'exported', b'x' * 32)
    if 'other-binding' in sys.argv:
        bound = bytes([bound[0] ^ 1]) + bound[1:]
    if 'says-y' in sys.argv:
        header = 'y,,'
    first = (header + bare).encode()
    start(first)
    said = challenge()
    if not has_ir and said == b'':
        answer(first); said = challenge()
    if isinstance(said, str):
        return said
    parts = dict(part.split('=', 1) for part in said.decode().split(','))
    assert parts['r'].startswith(nonce) and len(parts['r']) > len(nonce), said
    salted = hashlib.pbkdf2_hmac(digest, secret.encode(), base64.b64decode(parts['s']), int(parts['i']))
    without = f'c={b64(header.encode() + bound)},r={parts["r"]}'
    auth = f'{bare},{said.decode()},{without}'.encode()
    key = M(salted, b'Client Key')
    proof = bytes(a ^ b for a, b in zip(key, M(H(key), auth)))
    answer(f'{without},p={b64(proof)}'.encode())
    last = challenge()
    expected = b'v=' + b64(M(M(salted, b'Server Key'), auth)).encode()
    if isinstance(last, bytes):
        assert last == expected, (last, expected)
        answer(b'')
        last = challenge()
    elif 'SASL "' in last:
        assert base64.b64decode(re.search(r'SASL "(.*?)"', last)[1]) == expected, last
    return last

def bearer():
    message = f'user={user}\1auth=Bearer {secret}\1\1' if mechanism == 'XOAUTH2' else f'n,a={user},\1auth=Bearer {secret}\1\1'
    start(message.encode())
    said = challenge()
    if not has_ir and said == b'':
        answer(message.encode()); said = challenge()
    if isinstance(said, bytes):
        assert b'"status":' in said, said
        answer(b'' if mechanism == 'XOAUTH2' else b'\1')
        said = challenge()
    return said

def cram():
    start(None)
    said = challenge()
    if isinstance(said, str):
        return said
    answer(f'{user} {hmac.new(secret.encode(), said, "md5").hexdigest()}'.encode())
    return challenge()

def digest():
    start(None)
    said = challenge()
    if isinstance(said, str):
        return said
    given = dict(re.findall(r'([a-z]+)="?([^",]*)"?', said.decode()))
    md5 = lambda data: hashlib.md5(data).digest()
    uri, cnonce = f'{protocol}/localhost', b64(os.urandom(9))
    a1 = md5(f'{user}:{given.get("realm", "")}:{secret}'.encode()) + f':{given["nonce"]}:{cnonce}'.encode()
    def word(method):
        a2 = f'{method}:{uri}'.encode()
        return md5(f'{md5(a1).hex()}:{given["nonce"]}:00000001:{cnonce}:auth:{md5(a2).hex()}'.encode()).hex()
    answer(f'username="{user}",realm="{given.get("realm", "")}",nonce="{given["nonce"]}",cnonce="{cnonce}",nc=00000001,qop=auth,digest-uri="{uri}",response={word("AUTHENTICATE")},charset=utf-8'.encode())
    last = challenge()
    if isinstance(last, bytes):
        assert last == f'rspauth={word("")}'.encode(), last
        answer(b'')
        last = challenge()
    return last

def apop():
    digest = hashlib.md5((re.search('<.*>', greeting)[0] + secret).encode()).hexdigest()
    line.say(f'APOP {user} {digest}')
    return line.hear()

def anonymous():
    start(b'trace')
    said = challenge()
    if not has_ir and said == b'':
        answer(b'trace'); said = challenge()
    return said

def login():
    start(None)
    assert challenge() == b'Username:'
    answer(user.encode())
    assert challenge() == b'Password:'
    answer(secret.encode())
    return challenge()

def plain():
    message = f'\0{user}\0{secret}'.encode()
    start(message)
    said = challenge()
    if not has_ir and said == b'':
        answer(message); said = challenge()
    return said

last = {'CRAM-MD5': cram, 'DIGEST-MD5': digest, 'XOAUTH2': bearer, 'OAUTHBEARER': bearer, 'PLAIN': plain,
        'ANONYMOUS': anonymous, 'APOP': apop, 'LOGIN': login}.get(mechanism, lambda: scram(mechanism))()
good = {'imap': 'a OK', 'pop3': '+OK', 'submission': '235', 'sieve': 'OK'}[protocol]
print('in' if last.startswith(good) else 'out')
