import * as z from "zod/mini";
import type { Clock } from "../../ports.ts";
import { type Answer, type Ask, bearer, isGone, unknownShape } from "../ask-provider.ts";
import { litellmRoot } from "../litellm-root.ts";
import { idText, secretText } from "./answer-text.ts";
import { failed, failedBy, type KeyApi, minted } from "./minter.ts";

const Generated = z.object({ key: secretText, token: z.optional(z.unknown()) });
const Listed = z.object({ total_count: z.number() });
const Deleted = z.object({ deleted_keys: z.array(z.string()) });

/** LiteLLM knows a key by the SHA-256 of its text (its `token`); an alias is unique among all keys. */
export function litellmKeys(
  ask: Ask,
  { baseUrl, masterKey, clock }: { baseUrl: string; masterKey: string; clock: Clock },
): KeyApi {
  const root = litellmRoot(baseUrl);
  const headers = bearer(masterKey);
  const erase = (body: { keys: string[] } | { key_aliases: string[] }): Promise<Answer> =>
    ask({ method: "POST", url: `${root}/key/delete`, headers, body });

  return {
    async create({ keyName, name, agentId, quotas, expiresAt, budgetUsdPerMonth: budget }) {
      const body = {
        key_alias: keyName,
        metadata: { agent: agentId, agent_name: name },
        ...(quotas.maxRequestsPerMinute !== undefined && { rpm_limit: quotas.maxRequestsPerMinute }),
        ...(budget !== undefined && { max_budget: budget, budget_duration: "1mo" }),
        ...(expiresAt !== undefined && { duration: `${secondsUntil(expiresAt, clock)}s` }),
      };
      const made = await ask({ method: "POST", url: `${root}/key/generate`, headers, body });
      if (made.outcome !== "ok") return failedBy(made);
      const generated = Generated.safeParse(made.json).data;
      if (!generated) return failed(unknownShape("LiteLLM"), "unknown");
      const { key } = generated;
      const token = idText.safeParse(generated.token).data;
      // Some versions give the key itself as `token`; the id we keep must not be a secret.
      return minted(token === undefined || token === key || token.startsWith("sk-") ? await sha256(key) : token, key);
    },

    async remove(token) {
      const answer = await erase({ keys: [token] });
      if (answer.outcome === "ok" || isGone(answer)) return;
      // Older versions answer 400 to a key that is not there, as to much else.
      if (answer.outcome === "refused" && answer.status === 400) {
        const info = await ask({ method: "GET", url: `${root}/key/info?key=${encodeURIComponent(token)}`, headers });
        if (isGone(info)) return;
      }
      throw answer.problem;
    },

    async removeNamed(keyName) {
      const url = `${root}/key/list?key_alias=${encodeURIComponent(keyName)}`;
      const listed = await ask({ method: "GET", url, headers });
      const none = listed.outcome === "ok" && Listed.safeParse(listed.json).data?.total_count === 0;
      const answer = await erase({ key_aliases: [keyName] });
      if (isGone(answer)) return 0;
      // There are versions that answer the deletion of an alias that no key has as done, and some with 400.
      if (none && (answer.outcome === "ok" || (answer.outcome === "refused" && answer.status === 400))) return 0;
      if (answer.outcome !== "ok") throw answer.problem;
      const deleted = Deleted.safeParse(answer.json).data;
      if (!deleted) throw unknownShape("LiteLLM");
      return deleted.deleted_keys.length;
    },
  };
}

const secondsUntil = (time: string, clock: Clock): number =>
  Math.max(1, Math.ceil((Date.parse(time) - clock.now()) / 1000));

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
