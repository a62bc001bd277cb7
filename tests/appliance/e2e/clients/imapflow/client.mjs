// imapflow: lists, stores, fetches, and learns of new mail while it idles.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [door, port, authority, user, path, modules] = process.argv.slice(2);
const { ImapFlow } = createRequire(modules)('imapflow');
const sent = readFileSync(path);

function connection() {
    return new ImapFlow({
        host: 'localhost',
        port: Number(port),
        secure: door === 'Implicit',
        // Without TLS there is no login.
        doSTARTTLS: door === 'Implicit' ? undefined : true,
        tls: { ca: readFileSync(authority) },
        auth: { user, pass: 'secret' },
        logger: false,
    });
}

function check(condition, what) {
    if (!condition) {
        throw new Error(what);
    }
}

const client = connection();
await client.connect();
check(client.secureConnection, 'no TLS');
const folders = await client.list();
check(folders.some((folder) => folder.path === 'INBOX'), 'no INBOX');
await client.mailboxCreate('Drafts');
await client.append('INBOX', sent, ['\\Seen']);
const lock = await client.getMailboxLock('INBOX');
const message = await client.fetchOne('1', { source: true, flags: true });
check(Buffer.compare(message.source, sent) === 0, `${message.source.length} bytes came back for ${sent.length}, or others`);
check(message.flags.has('\\Seen'), 'no flag');
const arrival = new Promise((resolve) => client.once('exists', resolve));
const idling = client.idle();
const other = connection();
await other.connect();
await other.append('INBOX', sent);
await other.logout();
check((await arrival).count === 2, 'another number of messages');
// Any command ends the idling.
await client.noop();
await idling;
check((await client.search({ all: true })).length === 2, 'not found');
lock.release();
await client.logout();
