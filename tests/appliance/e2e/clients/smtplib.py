# Python's smtplib: sends a message.
import smtplib, ssl, sys
door, port, authority, user, path = sys.argv[1:]
message = open(path, 'rb').read()
trust = ssl.create_default_context(cafile=authority)
if door == 'Implicit':
    client = smtplib.SMTP_SSL('localhost', int(port), context=trust, timeout=60)
    client.ehlo('client.test')
else:
    client = smtplib.SMTP('localhost', int(port), timeout=60)
    client.ehlo('client.test')
    assert client.has_extn('starttls') and not client.has_extn('auth'), client.esmtp_features
    client.starttls(context=trust)
    client.ehlo('client.test')
assert client.has_extn('auth') and not client.has_extn('starttls'), client.esmtp_features
client.login(user, 'secret')
assert client.sendmail(f'{user}@example.org', ['b@example.org'], message) == {}
client.quit()
