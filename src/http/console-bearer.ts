import { parseToken } from "../domain/token.ts";
import { type FoundGrant, findGrant, type GrantPrefix, noteUse } from "../service/console/grant.ts";
import type { Context } from "../service/context.ts";
import type { Bearer } from "./bearer.ts";

/**
 * The party behind a console session, or behind the code of a link. `undefined` for a token that is neither, or has
 * ended.
 * @param isUnattended whether nobody is at the page that asks: then it is no use of the session
 */
export async function consoleBearer(
  context: Context,
  token: string,
  isUnattended: boolean,
): Promise<Bearer | undefined> {
  const prefix = (["ocs", "occ"] as const).find((one) => parseToken(token, one) !== undefined);
  const found = prefix && (await findGrant(context, prefix, token));
  if (!found) return undefined;
  if (prefix === "ocs" && !isUnattended) await noteUse(context, found);
  return bearerOf(prefix, found);
}

function bearerOf(prefix: GrantPrefix, { id, grant, key }: FoundGrant): Bearer {
  const { actor, scopes, reach, operator, aiProviderKeyId, expiresAt } = grant;
  return {
    actor,
    scopes,
    reach,
    operator,
    ...(key && { key }),
    ...(aiProviderKeyId !== undefined && { aiProviderKeyId }),
    ...(prefix === "ocs" ? { session: { id, expiresAt } } : { linkCode: id }),
  };
}
