import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { unseal } from "../service/secrets/vault.ts";

const maxOpened = 256;

/**
 * Master keys, opened once: a decryption costs more than all else that is done for a request. Held by their sealed
 * text, so that a replaced key is opened anew.
 */
export function createMasterKeys(context: Context): (provider: AiProviderRecord) => string | Promise<string> {
  const opened = new Map<string, string>();
  return (provider) => {
    const known = opened.get(provider.sealedKey);
    if (known !== undefined) return known;
    return unseal(context, provider.sealedKey, { provider: provider.provider, id: provider.id }).then((masterKey) => {
      if (opened.size >= maxOpened) opened.delete(opened.keys().next().value!);
      opened.set(provider.sealedKey, masterKey);
      return masterKey;
    });
  };
}
