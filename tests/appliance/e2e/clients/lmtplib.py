# Python's smtplib as an LMTP client: delivers one message to one user.
import smtplib, sys
port, user, path = sys.argv[1:]
message = open(path, 'rb').read()
client = smtplib.LMTP('localhost', int(port), timeout=60)
assert client.sendmail('sender@example.org', [user], message) == {}
client.quit()
