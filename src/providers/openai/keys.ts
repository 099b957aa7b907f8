import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { bearer, isGone, type SendAdminRequest, segment, unknownShape, urlOf } from "../admin/admin-request.ts";
import { idText, secretText } from "../admin/answer-text.ts";
import { failed, failedBy, type KeyApi, minted } from "../admin/key-api.ts";

const ApiKey = z.object({ value: secretText });
const ServiceAccount = z.object({ id: idText, api_key: z.nullish(ApiKey) });
const Page = z.object({
  data: z.array(z.object({ id: idText, name: z.nullish(z.string()) })),
  has_more: z._default(z.boolean(), false),
});

/** OpenAI's own bound on `expires_in_seconds`. */
const longestSeconds = 31_536_000;
const maxPages = 500;

/**
 * One service account an agent, in a project chosen by the operator. A service account's key cannot be deleted by
 * itself, so that revoking means deleting the account.
 */
export function openaiKeys(
  send: SendAdminRequest,
  { baseUrl, project, adminKey, clock }: { baseUrl: string; project: string; adminKey: string; clock: Clock },
): KeyApi {
  const accounts = urlOf(baseUrl, `/organization/projects/${segment(project)}/service_accounts`);
  const headers = bearer(adminKey);

  async function remove(id: string): Promise<void> {
    const response = await send({ method: "DELETE", url: `${accounts}/${segment(id)}`, headers });
    if (response.outcome === "ok" || isGone(response)) return;
    throw response.problem;
  }

  return {
    async create({ keyName, expiresAt }) {
      const seconds = expiresAt === undefined ? undefined : Math.ceil((Date.parse(expiresAt) - clock.now()) / 1000);
      if (seconds !== undefined && seconds > longestSeconds) {
        const detail =
          'OpenAI mints keys for 365 days at most; choose an earlier expiresAt, none, or the mode "virtual".';
        return failed(new Problem("mode_not_supported", detail), "nothing");
      }
      const expiry = seconds === undefined ? {} : { expires_in_seconds: Math.max(1, seconds) };
      const made = await send({ method: "POST", url: accounts, headers, body: { name: keyName, ...expiry } });
      if (made.outcome !== "ok") return failedBy(made);
      const account = ServiceAccount.safeParse(made.json).data;
      if (!account) return failed(unknownShape("OpenAI"), "unknown");
      if (account.api_key) return minted(account.id, account.api_key.value);

      const url = `${accounts}/${segment(account.id)}/api_keys`;
      const second = await send({ method: "POST", url, headers, body: { name: keyName, ...expiry } });
      if (second.outcome !== "ok") return failed(second.problem, { remoteId: account.id });
      const key = ApiKey.safeParse(second.json).data;
      return key ? minted(account.id, key.value) : failed(unknownShape("OpenAI"), { remoteId: account.id });
    },

    remove,

    async removeNamed(keyName) {
      const found: string[] = [];
      let after = "";
      for (let pages = 0; pages < maxPages; pages++) {
        const response = await send({ method: "GET", url: `${accounts}?limit=100${after}`, headers });
        if (response.outcome !== "ok") throw response.problem;
        const page = Page.safeParse(response.json).data;
        if (!page) throw unknownShape("OpenAI");
        found.push(...page.data.filter(({ name }) => name === keyName).map(({ id }) => id));
        const last = page.data.at(-1);
        if (!page.has_more || !last) {
          for (const id of found) await remove(id);
          return found.length;
        }
        after = `&after=${encodeURIComponent(last.id)}`;
      }
      throw new Problem("provider_unreachable", "OpenAI lists more service accounts than can be looked through.");
    },
  };
}
