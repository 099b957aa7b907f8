import type { ProviderKind } from "../domain/provider-facts.ts";
import type { UsageFormat } from "../domain/usage.ts";
import { providers } from "../providers/registry.ts";
import type { BodyFields } from "../providers/shared/body-fields.ts";

/**
 * Whether the provider makes the whole answer, and bills it, when nobody reads any more. To stop reading saves
 * nothing then, and nobody learns what it cost.
 */
export function goesOn(
  kind: ProviderKind,
  format: UsageFormat | undefined,
  body: Pick<BodyFields, "get"> | undefined,
): boolean {
  const { finishesUnread } = providers[kind];
  if (format === undefined || finishesUnread === undefined) return false;
  return finishesUnread === "all" || body?.get("stream") !== true;
}
