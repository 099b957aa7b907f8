import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import { type Ask, bearer, isGone, segment, unknownShape, urlOf } from "../ask-provider.ts";
import { idText, secretText } from "./answer-text.ts";
import { failed, failedBy, type KeyApi, minted } from "./minter.ts";

const Created = z.object({ key: secretText, data: z.object({ hash: idText }) });
const Known = z.object({ data: z.object({ hash: idText }) });
const Page = z.object({ data: z.array(z.object({ hash: idText, name: z.nullish(z.string()) })) });

const maxPages = 500;

/** Needs a management key: an ordinary one is refused by OpenRouter itself. */
export function openrouterKeys(
  ask: Ask,
  { baseUrl = "https://openrouter.ai/api/v1", managementKey }: { baseUrl?: string | undefined; managementKey: string },
): KeyApi {
  const keys = urlOf(baseUrl, "/keys");
  const headers = bearer(managementKey);

  async function remove(hash: string): Promise<void> {
    const answer = await ask({ method: "DELETE", url: `${keys}/${segment(hash)}`, headers });
    if (answer.outcome === "ok" || isGone(answer)) return;
    throw answer.problem;
  }

  return {
    async create({ keyName, expiresAt, budgetUsdPerMonth: limit }) {
      const body = {
        name: keyName,
        ...(expiresAt !== undefined && { expires_at: expiresAt }),
        // What is paid through the operator's own accounts at the models' makers would not count otherwise.
        ...(limit !== undefined && { limit, limit_reset: "monthly", include_byok_in_limit: true }),
      };
      const made = await ask({ method: "POST", url: keys, headers, body });
      if (made.outcome !== "ok") return failedBy(made);
      const created = Created.safeParse(made.json).data;
      if (created) return minted(created.data.hash, created.key);
      const known = Known.safeParse(made.json).data;
      return failed(unknownShape("OpenRouter"), known ? { remoteId: known.data.hash } : "unknown");
    },

    remove,

    async removeNamed(keyName) {
      const found = new Set<string>();
      let offset = 0;
      for (let pages = 0; pages < maxPages; pages++) {
        const answer = await ask({ method: "GET", url: `${keys}?include_disabled=true&offset=${offset}`, headers });
        if (answer.outcome !== "ok") throw answer.problem;
        const page = Page.safeParse(answer.json).data;
        if (!page) throw unknownShape("OpenRouter");
        if (page.data.length === 0) {
          // Only now: removing while listing by offset would skip as many as were removed.
          for (const hash of found) await remove(hash);
          return found.size;
        }
        for (const { hash, name } of page.data) if (name === keyName) found.add(hash);
        offset += page.data.length;
      }
      throw new Problem("provider_unreachable", "OpenRouter lists more keys than can be looked through.");
    },
  };
}
