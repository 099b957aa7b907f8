import { Problem } from "../errors.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { consoleLedger, keyLedger } from "../storage/ledger-names.ts";

const windowMs = 60_000;
/** A console session may make so many calls, reads and changes alike: more than a page asks, less than a loop does. */
const sessionCallsPerMinute = 600;

/**
 * Counts one call against its console session or its provisioning key.
 *
 * @param headers gets the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers)
 * @throws Problem `rate_limited`
 */
export async function limitRate(context: Context, caller: Caller, headers: Record<string, string>): Promise<void> {
  const { session } = caller;
  if (!session && (caller.operator || caller.actor === "admin")) return;
  const limit = session
    ? sessionCallsPerMinute
    : (caller.key?.rateLimitPerMinute ?? context.settings.provisioning.rateLimitPerMinute);
  const bucket = session ? consoleLedger("ocs", session.id).rate : keyLedger(caller.actor).rate;
  const decision = await context.ledger.take(bucket, { limit, windowMs });
  const seconds = Math.max(1, Math.ceil((decision.resetAt - context.clock.now()) / 1000));
  headers["ratelimit-policy"] = `"key";q=${limit};w=${windowMs / 1000}`;
  headers.ratelimit = `"key";r=${decision.remaining};t=${seconds}`;
  if (decision.allowed) return;
  throw new Problem(
    "rate_limited",
    `The ${session ? "console session" : "provisioning key"} may make ${limit} calls a minute; try again in ${seconds} s.`,
    {
      headers: { "retry-after": String(seconds) },
    },
  );
}
