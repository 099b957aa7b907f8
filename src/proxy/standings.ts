import { AiKeyState } from "../schema/ai-key.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger, aiProviderRevoked } from "../storage/ledger-names.ts";
import { keyStatus, suspendedMessage } from "./verify-key.ts";

/** On what a request's admission rests, for as long as it is under way. */
export interface Standing {
  keyId: string;
  /** Of the secret that was presented. */
  digest: string;
  providerId: string;
}

/** Why a request that is under way ends, as its client is told. */
export interface Ending {
  status: number;
  message: string;
}

export interface Standings {
  /** Whether an AI provider was revoked, however much its record lags; `true` is for good. */
  isRevoked(providerId: string): boolean | Promise<boolean>;
  /** Which of these no longer stand, each key and provider asked of the ledger once. Never rejects. */
  fallen(standings: readonly Standing[]): Promise<Map<Standing, Ending>>;
}

export const providerRevokedMessage = "The AI provider behind this key is revoked";

/** A busy process asks for each provider once in so long. */
const rememberedMs = 500;
const maxRemembered = 10_000;

export function createStandings(context: Context): Standings {
  const { ledger, clock } = context;
  const revoked = new Map<string, { is: boolean; until: number }>();
  const states = new Map<string, { text: string; state: AiKeyState }>();

  async function askRevoked(providerId: string): Promise<boolean> {
    const is = (await ledger.get(aiProviderRevoked(providerId))) !== undefined;
    if (revoked.size >= maxRemembered) revoked.delete(revoked.keys().next().value!);
    revoked.set(providerId, { is, until: clock.now() + rememberedMs });
    return is;
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
    isRevoked(providerId) {
      const known = revoked.get(providerId);
      return known && (known.is || known.until > clock.now()) ? known.is : askRevoked(providerId);
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
          if (!(await askRevoked(providerId))) return;
          for (const standing of ofProvider) fallen.set(standing, { status: 401, message: providerRevokedMessage });
        }),
      ];
      // What cannot be asked just now is asked again with the next look.
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
