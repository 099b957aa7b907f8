import type { Credential } from "../../ports.ts";
import type { AiKeyRecord, IssuedAiKey } from "../../schema/ai-key.ts";
import type { Context } from "../context.ts";

/** The part of an answer about a key that an agent was given. */
export const issuedAiKeyView = (
  record: AiKeyRecord,
  { baseUrl, apiKey }: Partial<Credential>,
  { profileId, reveal }: { profileId?: string | undefined; reveal?: boolean | undefined } = {},
): IssuedAiKey => ({
  provider: record.provider,
  mode: record.mode,
  keyId: record.keyId,
  ...(baseUrl !== undefined && { baseUrl }),
  quotas: record.state.quotas,
  ...(record.state.models && { models: record.state.models }),
  ...(record.state.expiresAt && { expiresAt: record.state.expiresAt }),
  ...(record.state.budgetUsdPerMonth !== undefined && { budgetUsdPerMonth: record.state.budgetUsdPerMonth }),
  ...(profileId !== undefined && { profileId }),
  ...(reveal && { key: apiKey }),
});

/** Whether an answer shows the secret: where it was asked for, or nothing else holds it. */
export const showsSecret = (
  { host }: Pick<Context, "host">,
  { revealAiKey }: { revealAiKey?: boolean | undefined },
): boolean => revealAiKey === true || !host.storesCredentials;

/** The part of an answer that is kept. */
export function withoutSecret<Answer extends { aiKey?: IssuedAiKey | undefined }>(answer: Answer): Answer {
  if (!answer.aiKey) return answer;
  const { key: _secret, ...aiKey } = answer.aiKey;
  return { ...answer, aiKey };
}
