// node-oidc-provider beside the accounts service: its own in-memory adapter, JWT access tokens
// signed with RS256 by a key of 2048 bits, refresh tokens that rotate. Reads its settings as JSON
// from the standard input, prints one line once it listens: a refresh token for each chain.

import { generateKeyPairSync } from "node:crypto";
import { text } from "node:stream/consumers";

import { Provider } from "oidc-provider";

const { port, secret, chains } = JSON.parse(await text(process.stdin));
const CLIENT = "bench";
const API = "https://api.example.com";
const OPAQUE = "https://opaque.example.com"; // what it introspects: a JWT is none of its business
const SCOPE = "openid offline_access";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const resource = (accessTokenFormat) => ({
  scope: "",
  audience: API,
  accessTokenTTL: 600,
  accessTokenFormat,
  jwt: { sign: { alg: "RS256" } },
});

const provider = new Provider(`http://localhost:${port}`, {
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: "1" }] },
  clients: [
    {
      client_id: CLIENT,
      client_secret: secret,
      grant_types: ["authorization_code", "refresh_token", "client_credentials"],
      redirect_uris: ["http://localhost:3000/signed-in"],
    },
  ],
  findAccount: (ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf ?? API,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, name) => resource(name === OPAQUE ? "opaque" : "jwt"),
    },
  },
});

async function refreshToken() {
  const grant = new provider.Grant({ accountId: "somebody", clientId: CLIENT });
  grant.addOIDCScope(SCOPE);
  const token = new provider.RefreshToken({
    accountId: "somebody",
    acr: "0",
    authTime: Math.floor(Date.now() / 1000),
    client: await provider.Client.find(CLIENT),
    grantId: await grant.save(),
    gty: "authorization_code",
    resource: API,
    scope: SCOPE,
  });
  return token.save();
}

provider.listen(port, "127.0.0.1", async () => {
  console.log(JSON.stringify(await Promise.all(Array.from({ length: chains }, refreshToken))));
});
