# Python's smtplib as an LMTP client: delivers one message to one user.
import smtplib, ssl, sys
door, port, authority, user, path = sys.argv[1:]
message = open(path, 'rb').read()
trust = ssl.create_default_context(cafile=authority)
class LMTP(smtplib.LMTP):
    # smtplib has no LMTP from the first byte by TLS; this is how its SMTP_SSL does it.
    def _get_socket(self, host, port, timeout):
        connection = super()._get_socket(host, port, timeout)
        return trust.wrap_socket(connection, server_hostname=host) if door == 'Implicit' else connection
client = LMTP('localhost', int(port), timeout=60)
if door == 'Starttls':
    client.starttls(context=trust)
assert client.sendmail('sender@example.org', [user], message) == {}
client.quit()
