import { toBase64Url } from "../../domain/base64url.ts";
import { Problem } from "../../errors.ts";
import type { Context } from "../context.ts";
import { decryptCompact, encryptCompact, headerOf } from "./compact-jwe.ts";

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
  return await encryptCompact(key, { kid: id, provider, sealKey: await sealKeyId(key) }, secret);
}

/** @throws Problem `secret_unopenable` where the value was sealed under another key or for another record */
export async function unseal(context: Sealing, jwe: string, binding: SealBinding): Promise<string> {
  const keys = context.sealKeys();
  let cause: unknown;
  for (const key of keys) {
    try {
      const { header, text } = await decryptCompact(key, jwe);
      if (header.kid === binding.id && header.provider === binding.provider) return text;
    } catch (error) {
      cause = error;
    }
  }
  throw new Problem("secret_unopenable", await failure(keys, jwe, binding), { cause });
}

/** Whether the value is under the key that seals from now on; one of an older release does not say. */
export async function isSealedUnderNewest(context: Sealing, jwe: string): Promise<boolean> {
  return headerOf(jwe)?.sealKey === (await sealKeyId(newest(context)));
}

async function failure(keys: readonly Uint8Array[], jwe: string, { provider, id }: SealBinding): Promise<string> {
  const under = headerOf(jwe)?.sealKey;
  const has = (await Promise.all(keys.map(sealKeyId))).join(", ");
  const sealed = typeof under === "string" ? `the seal key ${under.slice(0, 16)}` : "another seal key";
  return (
    `The stored secret ${id} (${provider}) cannot be opened: it was sealed under ${sealed} or for another record, and ` +
    `this deployment has the seal key ${has}. Restore the one that it was sealed under (provisioning/seal.key, or ` +
    "OPENCLAW_PROVISIONING_SEAL_KEY), or store the secret anew."
  );
}
