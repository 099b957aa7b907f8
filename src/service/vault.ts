import { Problem } from "../errors.ts";
import { decryptCompact, encryptCompact } from "./compact-jwe.ts";
import type { Context } from "./context.ts";

/** What a sealed value belongs to: moved to another record it does not open. */
export interface SealBinding {
  provider: string;
  id: string;
}

/** Compact JWE (RFC 7516), `dir` with `A256GCM`, the binding in its protected header. */
export const seal = async (context: Pick<Context, "sealKey">, secret: string, binding: SealBinding): Promise<string> =>
  await encryptCompact(context.sealKey, { kid: binding.id, provider: binding.provider }, secret);

/** @throws Problem `store_unreadable` where the value was sealed under another key or for another record */
export async function unseal(context: Pick<Context, "sealKey">, jwe: string, binding: SealBinding): Promise<string> {
  try {
    const { header, text } = await decryptCompact(context.sealKey, jwe);
    if (header.kid === binding.id && header.provider === binding.provider) return text;
  } catch (cause) {
    throw new Problem("store_unreadable", unsealFailure(binding), { cause });
  }
  throw new Problem("store_unreadable", unsealFailure(binding));
}

const unsealFailure = ({ provider, id }: SealBinding) =>
  `The stored secret ${id} (${provider}) cannot be opened: it was sealed under another key or for another record. ` +
  "Restore the seal key it was made with (provisioning/seal.key or OPENCLAW_PROVISIONING_SEAL_KEY), or add the secret anew.";
