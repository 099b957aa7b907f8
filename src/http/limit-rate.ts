import { Problem } from "../errors.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { keyLedger } from "../storage/ledger-names.ts";

const windowMs = 60_000;

/**
 * Counts one call against its provisioning key.
 *
 * @param headers gets the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers)
 * @throws Problem `rate_limited`
 */
export async function limitRate(context: Context, caller: Caller, headers: Record<string, string>): Promise<void> {
  if (caller.actor === "admin") return;
  const limit = caller.key?.rateLimitPerMinute ?? context.settings.provisioning.rateLimitPerMinute;
  const decision = await context.ledger.take(keyLedger(caller.actor).rate, { limit, windowMs });
  const seconds = Math.max(1, Math.ceil((decision.resetAt - context.clock.now()) / 1000));
  headers["ratelimit-policy"] = `"key";q=${limit};w=${windowMs / 1000}`;
  headers.ratelimit = `"key";r=${decision.remaining};t=${seconds}`;
  if (decision.allowed) return;
  throw new Problem(
    "rate_limited",
    `The provisioning key may make ${limit} calls a minute; try again in ${seconds} s.`,
    {
      headers: { "retry-after": String(seconds) },
    },
  );
}
