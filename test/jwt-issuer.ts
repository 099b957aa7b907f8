import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const audience = "openclaw-provisioning";

export interface IssuerKey {
  kid: string;
  alg: string;
  publicJwk: JWK;
  /** The public part of the key. */
  publicPem: string;
  privateKey: CryptoKey;
}

export interface JwtIssuer {
  url: string;
  /** How often its keys were asked for. */
  asked(): number;
  /** The set that it publishes from now on. */
  publish(...keys: IssuerKey[]): void;
  /** In place of its keys. */
  answer(how: { status: number; body?: string; headers?: Record<string, string> } | undefined): void;
  /** Valid for five minutes, unless the claims say otherwise. */
  sign(key: IssuerKey, claims?: JWTPayload, header?: { kid?: string; alg?: string }): Promise<string>;
  close(): Promise<void>;
}

export async function makeIssuerKey(kid: string, alg = "ES256"): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return { kid, alg, publicJwk, publicPem: await exportSPKI(publicKey), privateKey };
}

/** An OIDC issuer, as far as its keys and tokens go. */
export async function startJwtIssuer(): Promise<JwtIssuer> {
  let keys: IssuerKey[] = [];
  let instead: Parameters<JwtIssuer["answer"]>[0];
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url !== "/.well-known/jwks.json") return void response.writeHead(404).end();
    asked++;
    if (instead) return void response.writeHead(instead.status, instead.headers).end(instead.body);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked: () => asked,
    publish(...published) {
      keys = published;
    },
    answer(how) {
      instead = how;
    },
    async sign({ kid, alg, privateKey }, claims = {}, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: audience, sub: "someone", iat: now, exp: now + 300, ...claims };
      return await new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
