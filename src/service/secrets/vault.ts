import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";
import { toBase64Url } from "../../domain/base64url.ts";
import { Problem } from "../../errors.ts";
import type { Context } from "../context.ts";

export type Sealing = Pick<Context, "sealKeys">;

/** A sealed value's owner: moved to another record, the value does not open. */
export interface SealBinding {
  provider: string;
  id: string;
}

const ids = new WeakMap<Uint8Array, string>();

/** Names a seal key without telling it: the first 48 bits of its SHA-256, base64url. */
export async function sealKeyId(key: Uint8Array): Promise<string> {
  let id = ids.get(key);
  if (id === undefined) {
    const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(key));
    id = toBase64Url(new Uint8Array(digest).subarray(0, 6));
    ids.set(key, id);
  }
  return id;
}

/** The key that seals from now on. */
function newest({ sealKeys }: Sealing): Uint8Array {
  const [key] = sealKeys();
  if (!key) throw new Error("a deployment has at least one seal key");
  return key;
}

/** Compact JWE (RFC 7516), `dir` with `A256GCM`; the binding and the seal key's id stand in its protected header. */
export async function seal(context: Sealing, secret: string, { id, provider }: SealBinding): Promise<string> {
  const key = newest(context);
  return await new CompactEncrypt(new TextEncoder().encode(secret))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: id, provider, sealKey: await sealKeyId(key) })
    .encrypt(key);
}

/** @throws Problem `secret_unopenable` where the value was sealed under another key or for another record */
export async function unseal(context: Sealing, jwe: string, binding: SealBinding): Promise<string> {
  const keys = context.sealKeys();
  let cause: unknown;
  for (const key of keys) {
    try {
      const { plaintext, protectedHeader } = await open(key, jwe);
      const { kid, provider } = protectedHeader;
      if (kid === binding.id && provider === binding.provider) return new TextDecoder().decode(plaintext);
    } catch (error) {
      cause = error;
    }
  }
  throw new Problem("secret_unopenable", await failure(keys, jwe, binding), { cause });
}

/** A direct key has no encrypted key; jose reads past white space and padding, which nothing here writes. */
const form = /^[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/;

async function open(key: Uint8Array, jwe: string) {
  if (!form.test(jwe)) throw new Error("not a compact JWE with a direct key");
  return await compactDecrypt(jwe, key, {
    keyManagementAlgorithms: ["dir"],
    contentEncryptionAlgorithms: ["A256GCM"],
    // Nothing is ever compressed here.
    maxDecompressedLength: 0,
  });
}

/** The protected header as it claims to be: nothing has vouched for it yet. */
function headerOf(jwe: string): Record<string, unknown> {
  try {
    return decodeProtectedHeader(jwe);
  } catch {
    return {};
  }
}

/** Whether the value is under the key that seals from now on; one of an older release does not say. */
export async function isSealedUnderNewest(context: Sealing, jwe: string): Promise<boolean> {
  return headerOf(jwe).sealKey === (await sealKeyId(newest(context)));
}

async function failure(keys: readonly Uint8Array[], jwe: string, { provider, id }: SealBinding): Promise<string> {
  const under = headerOf(jwe).sealKey;
  const has = (await Promise.all(keys.map(sealKeyId))).join(", ");
  const sealed = typeof under === "string" ? `the seal key ${under.slice(0, 16)}` : "another seal key";
  return (
    `The stored secret ${id} (${provider}) cannot be opened: it was sealed under ${sealed} or for another record, and ` +
    `this deployment has the seal key ${has}. Restore the one that it was sealed under (provisioning/seal.key, or ` +
    "OPENCLAW_PROVISIONING_SEAL_KEY), or store the secret anew."
  );
}
