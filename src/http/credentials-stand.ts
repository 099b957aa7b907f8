import type { Caller } from "../service/caller.ts";
import { findGrant } from "../service/console/grant.ts";
import type { Context } from "../service/context.ts";
import { validKey } from "./authenticate.ts";
import { bearerIn, keyHeader } from "./credentials.ts";
import { shownTokens } from "./shown-tokens.ts";

/**
 * A call that takes its time asks this later: whether the credentials that let it in would do so still.
 * @param endsByItself whether those count that have come to their own end since
 */
export function credentialsStand(
  context: Context,
  caller: Caller,
  headers: Headers,
  endsByItself = true,
): () => Promise<boolean> {
  const begun = endsByItself ? undefined : context.clock.now();
  const { key, session, bearerExpiresAt } = caller;
  const { gateway, admin } = shownTokens(context, caller, headers);
  return async () => {
    const { clock, settings } = context;
    if (session !== undefined) return (await findGrant(context, "ocs", bearerIn(headers) ?? "")) !== undefined;
    if (bearerExpiresAt !== undefined && Date.parse(bearerExpiresAt) <= (begun ?? clock.now())) return false;
    if (gateway !== undefined && !settings.gatewayTokens.includes(gateway)) return false;
    if (admin !== undefined && !settings.adminTokens.includes(admin)) return false;
    return key === undefined || (await validKey(context, headers.get(keyHeader) ?? "", begun)) !== undefined;
  };
}
