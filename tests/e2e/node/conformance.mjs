// One way to authenticate, through openid-client and oauth4webapi, against a running archive.
//
// Reads {metadata_url, issuer, api_url, method, client_id, client_secret | private_key_jwk, scope} as JSON from
// standard input, and writes what happened as JSON to standard output. The issuer of a local stack is the address
// that its API would have on AWS: `fetch` goes to where it is instead, and everything else is told nothing of that.

import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const given = JSON.parse(readFileSync(0, 'utf8'))

function here(url) {
  const text = url.toString()
  return text.startsWith(given.issuer) ? given.api_url + text.slice(given.issuer.length) : text
}

const customFetch = (url, options) => fetch(here(url), options)

async function authentication() {
  if (given.method === 'client_secret_basic') return client.ClientSecretBasic(given.client_secret)
  if (given.method === 'client_secret_post') return client.ClientSecretPost(given.client_secret)
  const { kid, ...jwk } = given.private_key_jwk
  const algorithm = {
    RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    EC: { name: 'ECDSA', namedCurve: 'P-256' },
    OKP: { name: 'Ed25519' },
  }[jwk.kty]
  const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
  return client.PrivateKeyJwt({ key, kid })
}

// oauth4webapi compares the issuer in the metadata with the one it was told (RFC 8414 §3.3); openid-client, given
// the address of the metadata itself, does not.
const metadata = await oauth.processDiscoveryResponse(
  new URL(given.issuer),
  await customFetch(given.metadata_url, { headers: { accept: 'application/json' } }),
)

const configuration = await client.discovery(
  new URL(given.metadata_url),
  given.client_id,
  undefined,
  await authentication(),
  {
    [client.customFetch]: customFetch,
    execute: given.issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
    timeout: 30,
  },
)

const token = await client.clientCredentialsGrant(configuration, { scope: given.scope })
const resource = await client.fetchProtectedResource(
  configuration,
  token.access_token,
  new URL(`${given.issuer}/api/v1/files`),
  'GET',
)
const introspected = await client.tokenIntrospection(configuration, token.access_token)
await client.tokenRevocation(configuration, token.access_token, { token_type_hint: 'access_token' })
await client.tokenRevocation(configuration, 'no-token-of-ours')

// Another process of the function knows of a revocation after the revocation delay.
const deadline = Date.now() + 45_000
let after = await client.tokenIntrospection(configuration, token.access_token)
while (after.active && Date.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, 500))
  after = await client.tokenIntrospection(configuration, token.access_token)
}

let refusal
try {
  await client.clientCredentialsGrant(configuration, { scope: 'files:fly' })
} catch (error) {
  refusal = { error: error.error, status: error.status }
}

process.stdout.write(
  JSON.stringify({
    endpoints: [metadata, configuration.serverMetadata()].map((each) => each.token_endpoint),
    token_type: token.token_type,
    scope: token.scope,
    expires_in: token.expires_in,
    resource_status: resource.status,
    introspected,
    after,
    refusal,
  }),
)
