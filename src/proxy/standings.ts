import { AiKeyState } from "../schema/ai-key.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { newerOf, readRecent } from "../service/state/newest-ai-provider.ts";
import { aiKeyLedger, aiProviderRecent } from "../storage/ledger-names.ts";
import { keyStatus, suspendedMessage } from "./verify-key.ts";

/** On what a request's admission rests, for as long as it is under way. */
export interface Standing {
  keyId: string;
  /** The digest of the secret that was presented. */
  digest: string;
  providerId: string;
}

/** Why a request that is under way ends, as its client is told. */
export interface Ending {
  status: number;
  message: string;
}

export interface Standings {
  /** The AI provider as it was changed last, however much its record lags. */
  newest(record: AiProviderRecord): AiProviderRecord | Promise<AiProviderRecord>;
  /** Which of these no longer stand, each key and provider asked of the ledger once. Never rejects. */
  fallen(standings: readonly Standing[]): Promise<Map<Standing, Ending>>;
}

export const providerRevokedMessage = "The AI provider behind this key is revoked";

/** A busy process asks for each provider once in so long. */
const rememberedMs = 500;
const maxRemembered = 10_000;

/** Serves one process: a provider's last change is asked of the ledger every 500 ms at most. */
export function createStandings(context: Context): Standings {
  const { ledger, clock } = context;
  const changes = new Map<string, { recent: AiProviderRecord | undefined; text: string | undefined; until: number }>();
  const states = new Map<string, { text: string; state: AiKeyState }>();

  async function recentOf(providerId: string): Promise<AiProviderRecord | undefined> {
    const text = await ledger.get(aiProviderRecent(providerId));
    const known = changes.get(providerId);
    const recent = known?.text === text ? known?.recent : readRecent(text);
    if (!known && changes.size >= maxRemembered) changes.delete(changes.keys().next().value!);
    changes.set(providerId, { recent, text, until: clock.now() + rememberedMs });
    return recent;
  }

  /** Looked at again and again while a stream is under way, a state is parsed once. */
  function stateOf(keyId: string, text: string): AiKeyState {
    const known = states.get(keyId);
    if (known?.text === text) return known.state;
    const state = AiKeyState.parse(JSON.parse(text));
    if (states.size >= maxRemembered) states.delete(states.keys().next().value!);
    states.set(keyId, { text, state });
    return state;
  }

  async function endingOfKey(keyId: string): Promise<(digest: string) => Ending | undefined> {
    const text = await ledger.get(aiKeyLedger(keyId).state);
    if (text === undefined) return () => undefined;
    const state = stateOf(keyId, text);
    return (digest) => {
      const standing = keyStatus(state, digest, clock.now());
      if (standing === "valid") return undefined;
      if (standing === "suspended") return { status: 400, message: suspendedMessage };
      return { status: 401, message: "The API key is not valid any more" };
    };
  }

  return {
    newest(record) {
      const known = changes.get(record.id);
      if (known && known.until > clock.now()) return newerOf(record, known.recent);
      return recentOf(record.id).then((recent) => newerOf(record, recent));
    },

    async fallen(standings) {
      const fallen = new Map<Standing, Ending>();
      const byKey = Map.groupBy(standings, ({ keyId }) => keyId);
      const byProvider = Map.groupBy(standings, ({ providerId }) => providerId);
      const looks = [
        ...Array.from(byKey, async ([keyId, ofKey]) => {
          const endingOf = await endingOfKey(keyId);
          for (const standing of ofKey) {
            const ending = endingOf(standing.digest);
            if (ending) fallen.set(standing, ending);
          }
        }),
        ...Array.from(byProvider, async ([providerId, ofProvider]) => {
          if ((await recentOf(providerId))?.revokedAt === undefined) return;
          for (const standing of ofProvider) fallen.set(standing, { status: 401, message: providerRevokedMessage });
        }),
      ];
      // A key that cannot be asked about just now is asked about again with the next look.
      for (const look of await Promise.allSettled(looks)) {
        if (look.status === "rejected") {
          context.log("warn", "the keys of requests under way could not be looked at", { cause: look.reason });
          break;
        }
      }
      return fallen;
    },
  };
}
