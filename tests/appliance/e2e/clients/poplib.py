# Python's poplib: lists and reads, and takes the first of two messages away.
import poplib, ssl, sys
door, port, authority, user, path = sys.argv[1:]
wanted = open(path, 'rb').read()
trust = ssl.create_default_context(cafile=authority)
if door == 'Implicit':
    client = poplib.POP3_SSL('localhost', int(port), context=trust, timeout=60)
else:
    client = poplib.POP3('localhost', int(port), timeout=60)
    assert 'STLS' in client.capa(), client.capa()
    client.stls(trust)
assert 'STLS' not in client.capa(), client.capa()
client.user(user)
client.pass_('secret')
assert client.stat()[0] == 2, client.stat()
lines = client.retr(1)[1]
assert b'\r\n'.join(lines) + b'\r\n' == wanted, 'another message came back'
assert len(client.uidl()[1]) == 2
client.dele(1)
client.quit()
