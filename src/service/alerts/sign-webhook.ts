/** https://www.standardwebhooks.com: `whsec_` and the secret's bytes in base64. */
const prefix = "whsec_";
const secretLength = 32;

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export const newSigningSecret = (randomBytes: (length: number) => Uint8Array): string =>
  prefix + toBase64(randomBytes(secretLength));

async function signatureOf(secret: string, signed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.slice(prefix.length)), (char) => char.charCodeAt(0));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
  return toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(signed))));
}

/**
 * The headers by which a receiver knows that we sent this body.
 *
 * @param secrets the current one, and the one before while its grace lasts
 * @param timestamp of the attempt, in whole seconds
 */
export async function signedHeaders(
  secrets: readonly string[],
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): Promise<Record<string, string>> {
  const signatures = await Promise.all(secrets.map((secret) => signatureOf(secret, `${id}.${timestamp}.${body}`)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.map((signature) => `v1,${signature}`).join(" "),
  };
}
