import * as z from "zod/mini";
import { toHex } from "../../domain/hex.ts";
import type { Clock } from "../../ports.ts";
import { type AdminResponse, bearer, isGone, type SendAdminRequest, unknownShape } from "../admin/admin-request.ts";
import { idText, secretText } from "../admin/answer-text.ts";
import { failed, failedBy, type KeyApi, minted } from "../admin/key-api.ts";
import { litellmRoot } from "./litellm-root.ts";

const Generated = z.object({ key: secretText, token: z.optional(z.unknown()) });
const Listed = z.object({ total_count: z.number() });
const Deleted = z.object({ deleted_keys: z.array(z.string()) });

/** LiteLLM knows a key by the SHA-256 of its text (its `token`); an alias is unique among all keys. */
export function litellmKeys(
  send: SendAdminRequest,
  { baseUrl, masterKey, clock }: { baseUrl: string; masterKey: string; clock: Clock },
): KeyApi {
  const root = litellmRoot(baseUrl);
  const headers = bearer(masterKey);
  const erase = (body: { keys: string[] } | { key_aliases: string[] }): Promise<AdminResponse> =>
    send({ method: "POST", url: `${root}/key/delete`, headers, body });

  return {
    async create({ keyName, name, agentId, quotas, expiresAt, budgetUsdPerMonth: budget }) {
      const body = {
        key_alias: keyName,
        metadata: { agent: agentId, agent_name: name },
        ...(quotas.maxRequestsPerMinute !== undefined && { rpm_limit: quotas.maxRequestsPerMinute }),
        ...(budget !== undefined && { max_budget: budget, budget_duration: "1mo" }),
        ...(expiresAt !== undefined && { duration: `${secondsUntil(expiresAt, clock)}s` }),
      };
      const made = await send({ method: "POST", url: `${root}/key/generate`, headers, body });
      if (made.outcome !== "ok") return failedBy(made);
      const generated = Generated.safeParse(made.json).data;
      if (!generated) return failed(unknownShape("LiteLLM"), "unknown");
      const { key } = generated;
      const token = idText.safeParse(generated.token).data;
      // Some versions give the key itself as `token`; the id we keep must not be a secret.
      return minted(token === undefined || token === key || token.startsWith("sk-") ? await sha256(key) : token, key);
    },

    async remove(token) {
      const response = await erase({ keys: [token] });
      if (response.outcome === "ok" || isGone(response)) return;
      // Older versions answer 400 to a key that is not there, as to much else.
      if (response.outcome === "refused" && response.status === 400) {
        const info = await send({ method: "GET", url: `${root}/key/info?key=${encodeURIComponent(token)}`, headers });
        if (isGone(info)) return;
      }
      throw response.problem;
    },

    async removeNamed(keyName) {
      const url = `${root}/key/list?key_alias=${encodeURIComponent(keyName)}`;
      const listed = await send({ method: "GET", url, headers });
      const count = listed.outcome === "ok" ? Listed.safeParse(listed.json).data?.total_count : undefined;
      const response = await erase({ key_aliases: [keyName] });
      if (isGone(response)) return 0;
      // There are versions that answer the deletion of an alias that no key has as done, and some with 400.
      // A list that failed tells nothing of this one; where there is none, the answer has to do.
      if (!count && listed.outcome !== "refused" && response.outcome === "ok") return 0;
      if (count === 0 && response.outcome === "refused" && response.status === 400) return 0;
      if (response.outcome !== "ok") throw response.problem;
      const deleted = Deleted.safeParse(response.json).data;
      if (!deleted) throw unknownShape("LiteLLM");
      return deleted.deleted_keys.length;
    },
  };
}

const secondsUntil = (time: string, clock: Clock): number =>
  Math.max(1, Math.ceil((Date.parse(time) - clock.now()) / 1000));

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest));
}
