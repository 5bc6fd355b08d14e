// A server of OAuth 2 that rotates refresh tokens: one that is used twice ends all tokens of its consent.
//
// Given the folder of installed modules, a port and the address to which people are sent back. It prints why it refused
// a code or a refresh token.

import { pathToFileURL } from 'node:url';

const [modules, port, callback] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'walker',
    client_secret: 'a secret of the tests',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['openid', 'offline_access', 'campaigns'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  features: { revocation: { enabled: true } },
});
provider.on('grant.error', (_, error) => console.log(`refused: ${error.error_detail ?? error.message}`));
provider.listen(Number(port), '127.0.0.1');
