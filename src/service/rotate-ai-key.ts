import { rotateDigests } from "../domain/secret-digests.ts";
import { issueToken } from "../domain/token.ts";
import { Problem } from "../errors.ts";
import type { IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
import { requireAiKey } from "./agent-view.ts";
import { changeAiKeyState } from "./ai-key-state.ts";
import type { Caller } from "./caller.ts";
import { changeAgent } from "./change-agent.ts";
import type { Context } from "./context.ts";
import { issuedAiKeyView, meteredBaseUrl } from "./issue-ai-key.ts";

export const defaultAiKeyGraceSeconds = 3_600;
const handoverSeconds = 30;

/**
 * A new secret under the same key id, with the same counters; the old one works on for the grace period.
 * The new one is valid before the host gets it: at no moment does the agent hold a key that is refused.
 */
export async function rotateAiKey(
  context: Context,
  caller: Caller,
  agentId: string,
  body: RotateAiKey,
): Promise<{ agentId: string; aiKey: IssuedAiKey }> {
  const graceSeconds = body.graceSeconds ?? defaultAiKeyGraceSeconds;
  const change = { action: "ai-key.rotate", agentId, details: { graceSeconds } };
  return await changeAgent(context, caller, change, async (agent, outcome) => {
    const aiKey = await requireAiKey(context, agent);
    if (aiKey.mode === "minted") {
      throw new Problem(
        "mode_not_supported",
        'A minted key is rotated at its provider; make the agent anew, or use the mode "virtual".',
      );
    }
    outcome.aiKeyId = aiKey.keyId;
    const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
    const baseUrl = meteredBaseUrl(context, { kind: provider?.kind ?? "custom", provider: aiKey.provider });
    const secret = issueToken("ocv", aiKey.keyId, context.crypto.randomBytes);
    const digest = await context.crypto.sha256(secret);
    // Even without a grace the old key lives until the host has the new one.
    const before = aiKey.state;
    const rotated = (seconds: number) => rotateDigests(before, digest, seconds * 1000, context.clock.now());
    let next = await changeAiKeyState(context, aiKey.keyId, (state) => ({
      ...state,
      ...rotated(Math.max(graceSeconds, handoverSeconds)),
    }));
    const credential = { provider: aiKey.provider, apiKey: secret, baseUrl, metered: true };
    const profileId = context.host.storesCredentials ? await context.host.setCredential(agent, credential) : undefined;
    if (graceSeconds < handoverSeconds) {
      next = await changeAiKeyState(context, aiKey.keyId, ({ previous: _, ...state }) => ({
        ...state,
        ...rotated(graceSeconds),
      }));
    }
    const reveal = body.revealAiKey === true || !context.host.storesCredentials;
    return {
      agentId,
      aiKey: {
        ...issuedAiKeyView(next, credential),
        ...(profileId !== undefined && { profileId }),
        ...(reveal && { key: secret }),
      },
    };
  });
}
