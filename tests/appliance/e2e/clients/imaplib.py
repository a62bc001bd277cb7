# Python's imaplib: stores a message, reads it back, works with flags and folders.
import imaplib, ssl, sys
door, port, authority, user, path = sys.argv[1:]
sent = open(path, 'rb').read()
trust = ssl.create_default_context(cafile=authority)
if door == 'Implicit':
    client = imaplib.IMAP4_SSL('localhost', int(port), ssl_context=trust, timeout=60)
else:
    client = imaplib.IMAP4('localhost', int(port), timeout=60)
    assert 'LOGINDISABLED' in client.capabilities, client.capabilities
    client.starttls(trust)
assert 'STARTTLS' not in client.capabilities, client.capabilities
client.login(user, 'secret')
assert client.append('INBOX', None, None, sent)[0] == 'OK'
assert client.select('INBOX')[1] == [b'1']
got = client.fetch('1', '(BODY.PEEK[])')[1][0][1]
assert got == sent, f'{len(got)} bytes came back for {len(sent)}, or others'
assert client.create('Trash')[0] == 'OK'
assert client.copy('1', 'Trash')[0] == 'OK'
assert client.store('1', '+FLAGS', r'(\Deleted)')[0] == 'OK'
assert client.expunge() == ('OK', [b'1'])
assert client.search(None, 'ALL') == ('OK', [b''])
assert client.select('Trash')[1] == [b'1']
client.logout()
