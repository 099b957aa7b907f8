import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import { bearer, isGone, type SendAdminRequest, segment, unknownShape, urlOf } from "../admin/admin-request.ts";
import { idText, secretText } from "../admin/answer-text.ts";
import { failed, failedBy, type KeyApi, minted } from "../admin/key-api.ts";

const Created = z.object({ key: secretText, data: z.object({ hash: idText }) });
const Known = z.object({ data: z.object({ hash: idText }) });
const Page = z.object({ data: z.array(z.object({ hash: idText, name: z.nullish(z.string()) })) });

const maxPages = 500;

/** Needs a management key: an ordinary one is refused by OpenRouter itself. */
export function openrouterKeys(
  send: SendAdminRequest,
  { baseUrl, managementKey }: { baseUrl: string; managementKey: string },
): KeyApi {
  const keys = urlOf(baseUrl, "/keys");
  const headers = bearer(managementKey);

  async function remove(hash: string): Promise<void> {
    const response = await send({ method: "DELETE", url: `${keys}/${segment(hash)}`, headers });
    if (response.outcome === "ok" || isGone(response)) return;
    throw response.problem;
  }

  return {
    async create({ keyName, expiresAt, budgetUsdPerMonth: limit }) {
      const body = {
        name: keyName,
        ...(expiresAt !== undefined && { expires_at: expiresAt }),
        // Calls paid through the operator's own accounts at the models' makers would not count otherwise.
        ...(limit !== undefined && { limit, limit_reset: "monthly", include_byok_in_limit: true }),
      };
      const made = await send({ method: "POST", url: keys, headers, body });
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
        const response = await send({ method: "GET", url: `${keys}?include_disabled=true&offset=${offset}`, headers });
        if (response.outcome !== "ok") throw response.problem;
        const page = Page.safeParse(response.json).data;
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
