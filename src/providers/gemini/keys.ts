import * as z from "zod/mini";
import { toHex } from "../../domain/hex.ts";
import { Problem } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import {
  type AdminResponse,
  bearer,
  isGone,
  type SendAdminRequest,
  segment,
  unknownShape,
} from "../admin/admin-request.ts";
import { secretText } from "../admin/answer-text.ts";
import { oneLine } from "../admin/error-message.ts";
import { failed, type KeyApi, type Left, minted } from "../admin/key-api.ts";
import { type GoogleServiceAccount, googleAccessToken } from "./google-access-token.ts";

const Operation = z.object({
  name: z.string().check(z.regex(/^operations\/[\w.-]+$/)),
  done: z._default(z.boolean(), false),
  error: z.optional(z.object({ message: z._default(z.string(), "") })),
});
const KeyString = z.object({ keyString: secretText });
const DeletedKey = z.object({ deleteTime: z.string().check(z.minLength(1)) });

type Outcome = { state: "done" } | { state: "failed" | "unfinished"; problem: Problem };

const longestOperationMs = 20_000;

/**
 * Keys of the Google Cloud project, held to the Gemini API. Their id is chosen here, from the key's name, so that
 * a key whose creation was never answered is still known.
 */
export function geminiKeys(
  send: SendAdminRequest,
  options: {
    account: GoogleServiceAccount;
    project: string;
    /** Default: `https://apikeys.<the account's universe>`. */
    origin?: string | undefined;
    clock: Clock;
    sleep: (ms: number) => Promise<void>;
  },
): KeyApi {
  const { account, clock, sleep, origin = `https://apikeys.${account.universe_domain}` } = options;
  const keys = `${origin}/v2/projects/${segment(options.project)}/locations/global/keys`;

  let access: { token: string; expiresAt: number } | undefined;
  async function headers(): Promise<Record<string, string>> {
    if (!access || access.expiresAt - 60_000 < clock.now()) access = await googleAccessToken(send, account, clock);
    return bearer(access.token);
  }

  /** Waits for a long-running operation. `unfinished`: whether it takes effect is not known. */
  async function outcomeOf(response: AdminResponse): Promise<Outcome> {
    const deadline = clock.now() + longestOperationMs;
    for (let pause = 200, state = response; ; pause = Math.min(pause * 2, 2000)) {
      if (state.outcome !== "ok") return { state: "unfinished", problem: state.problem };
      const operation = Operation.safeParse(state.json).data;
      if (!operation) return { state: "unfinished", problem: unknownShape("Google") };
      if (operation.error) {
        const said = oneLine(operation.error.message, [account.private_key]) || "it gave no reason";
        return { state: "failed", problem: new Problem("provider_refused", `Google refused: ${said}.`) };
      }
      if (operation.done) return { state: "done" };
      if (clock.now() + pause > deadline) {
        const detail = `Google did not finish the operation within ${longestOperationMs / 1000} s.`;
        return { state: "unfinished", problem: new Problem("provider_unreachable", detail) };
      }
      await sleep(pause);
      state = await send({ method: "GET", url: `${origin}/v2/${operation.name}`, headers: await headers() });
    }
  }

  /** Whether there was such a key. */
  async function remove(id: string): Promise<boolean> {
    const url = `${keys}/${segment(id)}`;
    const response = await send({ method: "DELETE", url, headers: await headers() });
    if (isGone(response)) return false;
    const outcome = await outcomeOf(response);
    if (outcome.state === "done") return true;
    // A deleted key stays readable for 30 days, and deleting it again need not be a 404.
    const key = await send({ method: "GET", url, headers: await headers() });
    if (isGone(key) || (key.outcome === "ok" && DeletedKey.safeParse(key.json).success)) return true;
    throw outcome.problem;
  }

  return {
    async create({ keyName, name }) {
      const id = await keyIdOf(keyName);
      let left: Left = "nothing";
      try {
        const made = await send({
          method: "POST",
          url: `${keys}?keyId=${id}`,
          headers: await headers(),
          body: {
            displayName: [...name].slice(0, 63).join(""),
            restrictions: { apiTargets: [{ service: "generativelanguage.googleapis.com" }] },
          },
        });
        if (made.outcome === "refused" || (made.outcome === "failed" && made.effect === "none")) throw made.problem;
        left = "unknown";
        const outcome = await outcomeOf(made);
        if (outcome.state === "failed") left = "nothing";
        if (outcome.state !== "done") throw outcome.problem;
        left = { remoteId: id };
        const response = await send({ method: "GET", url: `${keys}/${id}/keyString`, headers: await headers() });
        if (response.outcome !== "ok") throw response.problem;
        const key = KeyString.safeParse(response.json).data;
        if (!key) throw unknownShape("Google");
        return minted(id, key.keyString);
      } catch (error) {
        if (error instanceof Problem) return failed(error, left);
        throw error;
      }
    },

    async remove(id) {
      await remove(id);
    },

    removeNamed: async (keyName) => ((await remove(await keyIdOf(keyName))) ? 1 : 0),
  };
}

/** Google wants `[a-z]([a-z0-9-]{0,61}[a-z0-9])?` and nothing like a UUID, so that a name is shortened to its digest. */
async function keyIdOf(keyName: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(keyName)));
  return `openclaw-${toHex(digest.subarray(0, 20))}`;
}
