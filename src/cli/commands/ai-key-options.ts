import type { Command } from "commander";
import { factsOf, providerKinds } from "../../domain/provider-facts.ts";
import { type AutoProvisionAiKey, aiKeyModes, type IssuedAiKey } from "../../schema/ai-key.ts";
import type { QuotaName } from "../../schema/quota.ts";
import { wrongUsage } from "../failure.ts";
import { oneOf } from "../one-of.ts";
import { commaList, expiry, expiryText, quotaLimit, usd } from "../option-values.ts";
import { shortTime } from "../output.ts";
import { describeBudget, describeQuotas } from "../quota-text.ts";
import { quotasOf, withQuotas } from "./agent-options.ts";

const budgetHolders = providerKinds.filter((kind) => factsOf(kind).holdsBudgets).join(", ");

export interface AiKeyOptions extends Partial<Record<QuotaName, number>> {
  provisionAiKey?: string;
  aiKeyMode?: string;
  models?: string[];
  keyExpires?: string;
  budgetUsdPerMonth?: number;
  revealAiKey?: true;
}

/** The options of an AI key; the one that asks for it is the command's own. */
export const withAiKey = (command: Command): Command =>
  withQuotas(
    command
      .option("--ai-key-mode <mode>", `${aiKeyModes.join(" or ")} (default: virtual)`)
      .option("--models <models>", "the models that its key may use, with commas", commaList)
      .option("--key-expires <when>", "when its key expires: a time, or a duration such as 30d", expiryText)
      .option("--budget-usd-per-month <amount>", `what a minted key may spend (${budgetHolders})`, usd)
      .option("--reveal-ai-key", "print its key too"),
    "a limit of its AI key",
    quotaLimit,
  );

/** @param other an option of the command's own that needs a key as well */
export function aiKeyOf(options: AiKeyOptions, other?: unknown): AutoProvisionAiKey | undefined {
  const quotas = quotasOf(options);
  const { provisionAiKey: provider, models, keyExpires, budgetUsdPerMonth } = options;
  const expiresAt = keyExpires === undefined ? undefined : expiry(keyExpires);
  const mode = oneOf("--ai-key-mode", options.aiKeyMode, aiKeyModes);
  if (provider !== undefined) return { provider, mode, quotas, models, expiresAt, budgetUsdPerMonth };
  const needsKey = quotas ?? mode ?? models ?? expiresAt ?? budgetUsdPerMonth ?? options.revealAiKey ?? other;
  if (needsKey !== undefined) {
    throw wrongUsage("options of an AI key (quotas, mode, models, ...) need --provision-ai-key <provider>");
  }
  return undefined;
}

/** The lines of `details` about an AI key. */
export const aiKeyDetails = (aiKey: IssuedAiKey | undefined): [string, string | undefined][] => [
  ["AI key", aiKey && `${aiKey.keyId} (${aiKey.provider}, ${aiKey.mode})`],
  ["AI key quotas", describeQuotas(aiKey?.quotas)],
  ["AI key models", aiKey?.models?.join(", ")],
  ["AI key budget", describeBudget(aiKey?.budgetUsdPerMonth)],
  ["AI key expires", shortTime(aiKey?.expiresAt)],
  ["AI base URL", aiKey?.baseUrl],
  ["key", aiKey?.key],
];
