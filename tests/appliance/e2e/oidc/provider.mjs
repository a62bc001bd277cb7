// A provider of tokens for the end-to-end tests: node provider.mjs PACKAGE.JSON PORT
// Of version 8: version 9 does not run on the node of Debian 12.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { webcrypto } from 'node:crypto';

// Debian 12's node has it under another name.
globalThis.crypto ??= webcrypto;
const [packages, port] = process.argv.slice(2);
const at = createRequire(packages).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(at));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'hale',
    client_secret: 's e&c=ret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  extraTokenClaims: () => ({ email: 'oidc-user' }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    // Tokens for the audience `mail` are JWTs, others mean something to the provider alone.
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        scope: 'imap', audience: resource.replace('urn:', ''), accessTokenFormat: 'jwt',
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
