// A server of OpenID Connect at which people sign in, with groups that only its userinfo endpoint tells.
//
// Given the folder of installed modules, a port, and the addresses to which people are sent back and sign-outs are told.

import { pathToFileURL } from 'node:url';

const [modules, port, callback, logout] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'walker',
    client_secret: 'a secret: of the tests/with signs',
    redirect_uris: [callback],
    backchannel_logout_uri: logout,
    backchannel_logout_session_required: true,
  }],
  claims: { openid: ['sub'], email: ['email'], profile: ['name'], groups: ['groups'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@acme.example`, name: 'Ana García', groups: ['agents'] }),
  }),
  pkce: { required: () => true },
  // Its own guard refuses addresses of this machine, at which the test stands.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { backchannelLogout: { enabled: true } },
});
provider.on('grant.error', (_, error) => console.log(`refused: ${error.error_detail ?? error.message}`));
provider.on('backchannel.error', (_, error) => console.log(`refused: ${error.message}`));
provider.listen(Number(port), '127.0.0.1');
