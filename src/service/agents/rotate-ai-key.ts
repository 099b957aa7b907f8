import { hasEnded } from "../../domain/has-ended.ts";
import { rotateDigests } from "../../domain/secret-digests.ts";
import { issueToken } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { Credential } from "../../ports.ts";
import type { AiKeyRecord, IssuedAiKey, RotateAiKey } from "../../schema/ai-key.ts";
import { meteredBaseUrl } from "../ai-keys/issue-ai-key.ts";
import { issuedAiKeyView, showsSecret } from "../ai-keys/issued-ai-key-view.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { seal, unseal } from "../secrets/vault.ts";
import { changeAiKeyState } from "../state/ai-key-state.ts";
import type { KnownAgent } from "../state/find-agent.ts";
import { requireAiKey } from "./agent-view.ts";
import { changeAgent } from "./change-agent.ts";

const defaultAiKeyGraceSeconds = 3_600;
/** A key in doubt that cannot be offered again is accepted for as long as the longest grace. */
const longestGraceMs = 30 * 86_400_000;

/**
 * A new secret under the same key id, with the same counters; the old one works on for the grace period, which
 * begins when the host has the new one. Until then both are valid: whether a host that failed, or that was left in
 * the middle, has taken the new one nobody knows, and at no moment may the agent hold a key that is refused.
 */
export async function rotateAiKey(
  context: Context,
  caller: Caller,
  agentId: string,
  body: RotateAiKey,
): Promise<{ agentId: string; aiKey: IssuedAiKey }> {
  const graceSeconds = body.graceSeconds ?? defaultAiKeyGraceSeconds;
  const change = { action: "ai-key.rotate", agentId, details: { graceSeconds }, spends: true };
  return await changeAgent(context, caller, change, async (agent, outcome, { hold }) => {
    const aiKey = await requireAiKey(context, agent);
    requireRotatable(context, aiKey);
    context.host.requireGateway?.(agent);
    outcome.aiKeyId = aiKey.keyId;
    const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
    const baseUrl = meteredBaseUrl(context, { kind: provider?.kind ?? "custom", provider: aiKey.provider });
    const rotation = { context, agent, aiKey, baseUrl, graceMs: graceSeconds * 1000, hold };
    await settlePending(rotation);
    const secret = issueToken("ocv", aiKey.keyId, context.crypto.randomBytes);
    await offer(rotation, secret);
    const { record, credential, profileId } = await handOver(rotation, secret);
    return { agentId, aiKey: issuedAiKeyView(record, credential, { profileId, reveal: showsSecret(context, body) }) };
  });
}

/** @throws Problem `mode_not_supported`, `key_expired` */
export function requireRotatable({ clock }: Context, { agentId, mode, state }: AiKeyRecord): void {
  if (mode === "minted") {
    throw new Problem(
      "mode_not_supported",
      'A minted key is rotated at its provider; make the agent anew, or use the mode "virtual".',
    );
  }
  if (hasEnded(state, clock.now())) {
    throw new Problem(
      "key_expired",
      `The AI key of "${agentId}" has expired, and a rotation keeps its end; "agents ai-key move" with --key-expires gives the agent another key.`,
    );
  }
}

interface Rotation {
  context: Context;
  agent: KnownAgent;
  aiKey: AiKeyRecord;
  baseUrl: string;
  graceMs: number;
  hold(): Promise<void>;
}

const bindingOf = ({ provider, keyId }: AiKeyRecord) => ({ provider, id: keyId });

/**
 * A key left in doubt is handed over once more, so that there is never a second of them: a list of such would have
 * to be cut one day, and might lose the one that the agent has.
 */
async function settlePending(rotation: Rotation): Promise<void> {
  const { context, aiKey } = rotation;
  const { pending } = aiKey.state;
  if (!pending || !context.host.storesCredentials) return;
  let secret: string;
  try {
    secret = await unseal(context, pending.sealed, bindingOf(aiKey));
  } catch (cause) {
    context.log("warn", "a key in doubt cannot be opened; it is accepted for 30 days", { keyId: aiKey.keyId, cause });
    const until = new Date(context.clock.now() + longestGraceMs).toISOString();
    await changeAiKeyState(context, aiKey.keyId, ({ pending: _, ...state }) => ({
      ...state,
      previous: [{ digest: pending.digest, until }, ...(state.previous ?? [])],
    }));
    return;
  }
  await handOver(rotation, secret);
}

/** From here on the key is accepted, and can be handed over again by whoever finds it. */
async function offer({ context, aiKey }: Rotation, secret: string): Promise<void> {
  if (!context.host.storesCredentials) return;
  const sealed = await seal(context, secret, bindingOf(aiKey));
  const digest = await context.crypto.sha256(secret);
  await changeAiKeyState(context, aiKey.keyId, (state) => ({ ...state, pending: { digest, sealed } }));
}

/** Only a host that has the new key lets the old one's grace begin. */
async function handOver({ context, agent, aiKey, baseUrl, graceMs, hold }: Rotation, secret: string) {
  const credential: Credential = { provider: aiKey.provider, apiKey: secret, baseUrl, metered: true };
  const digest = await context.crypto.sha256(secret);
  // A rotation that has come after this one has told the host another key, which must not be replaced.
  await hold();
  const profileId = context.host.storesCredentials ? await context.host.setCredential(agent, credential) : undefined;
  const record = await changeAiKeyState(context, aiKey.keyId, (state) => {
    const { pending: _, previous: __, ...rest } = state;
    return { ...rest, ...rotateDigests(state, digest, graceMs, context.clock.now()) };
  });
  return { record, credential, profileId };
}
