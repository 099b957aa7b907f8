import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { unseal } from "../service/secrets/vault.ts";
import { livePrevious } from "../service/state/newest-ai-provider.ts";

const maxOpened = 256;

/** Opened master keys, kept until their record has others. */
export interface MasterKeys {
  /** The one that is sent. */
  masterKeyOf(provider: AiProviderRecord): string | Promise<string>;
  /** Those that stand in where it is refused, the newest first. */
  fallbacksOf(provider: AiProviderRecord): Promise<string[]>;
}

/**
 * Master keys, opened once: a decryption costs more than all else that is done for a request. Held by their sealed
 * text, so that a replaced key is opened anew.
 */
export function createMasterKeys(context: Context): MasterKeys {
  const opened = new Map<string, string>();

  async function open({ provider, id }: AiProviderRecord, sealedKey: string): Promise<string> {
    const masterKey = await unseal(context, sealedKey, { provider, id });
    if (opened.size >= maxOpened) opened.delete(opened.keys().next().value!);
    opened.set(sealedKey, masterKey);
    return masterKey;
  }

  return {
    masterKeyOf: (provider) => opened.get(provider.sealedKey) ?? open(provider, provider.sealedKey),

    async fallbacksOf(provider) {
      const sealed = livePrevious(provider.previous, context.clock.now()).map(({ sealedKey }) => sealedKey);
      // One that no seal key opens stands in for nothing.
      const found = await Promise.allSettled(sealed.map((key) => opened.get(key) ?? open(provider, key)));
      return found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    },
  };
}
