import { parseToken } from "../domain/token.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { bearerIn, keyHeader } from "./credentials.ts";

/**
 * The tokens of the deployment that an accepted call carried: a session ends when they do. A JWT is none, and ends by
 * itself.
 */
export function shownTokens(
  { settings }: Context,
  caller: Caller,
  headers: Headers,
): { gateway?: string | undefined; admin?: string | undefined; code?: string | undefined } {
  // The operator's own command line shows none.
  if (caller.operator && caller.linkCode === undefined) return {};
  const bearer = bearerIn(headers);
  if (bearer !== undefined && parseToken(bearer, "occ")) return { code: bearer };
  const isGateway = bearer !== undefined && settings.gatewayTokens.includes(bearer);
  return {
    ...(isGateway && { gateway: bearer }),
    ...(caller.actor === "admin" && { admin: headers.get(keyHeader) ?? undefined }),
  };
}
