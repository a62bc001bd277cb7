# Python's own clients, by the mechanisms that they have: imaplib CRAM-MD5 and PLAIN, poplib APOP, smtplib CRAM-MD5, PLAIN and LOGIN.
#   mechanisms.py PROTOCOL DOOR PORT AUTHORITY MECHANISM USER SECRET
import sys
# This folder has scripts of these names.
sys.path.pop(0)
import imaplib, poplib, smtplib, ssl
protocol, door, port, authority, mechanism, user, secret = sys.argv[1:]
trust = ssl.create_default_context(cafile=authority)
to = ('localhost', int(port))
if protocol == 'imap':
    client = imaplib.IMAP4_SSL(*to, ssl_context=trust, timeout=60) if door == 'Implicit' else imaplib.IMAP4(*to, timeout=60)
    if door == 'Starttls':
        client.starttls(trust)
    if mechanism == 'CRAM-MD5':
        client.login_cram_md5(user, secret)
    else:
        client.authenticate('PLAIN', lambda _: f'\0{user}\0{secret}'.encode())
    assert client.noop()[0] == 'OK'
    client.logout()
elif protocol == 'pop3':
    client = poplib.POP3_SSL(*to, context=trust, timeout=60) if door == 'Implicit' else poplib.POP3(*to, timeout=60)
    if door == 'Starttls':
        client.stls(trust)
    client.apop(user, secret)
    client.noop()
    client.quit()
else:
    client = smtplib.SMTP_SSL(*to, context=trust, timeout=60) if door == 'Implicit' else smtplib.SMTP(*to, timeout=60)
    client.ehlo('client.test')
    if door == 'Starttls':
        client.starttls(context=trust)
        client.ehlo('client.test')
    client.user, client.password = user, secret
    client.auth(mechanism, getattr(client, 'auth_' + mechanism.lower().replace('-', '_')))
    assert client.noop()[0] == 250
    client.quit()
