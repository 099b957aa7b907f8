import { equalDigests } from "../domain/constant-time.ts";
import { missingScopes } from "../domain/scope.ts";
import { digestIsValid, graceOf } from "../domain/secret-digests.ts";
import { parseToken } from "../domain/token.ts";
import { unattendedHeader } from "../domain/unattended.ts";
import { Problem } from "../errors.ts";
import { type ProvisioningKeyRecord, type Scope, scopes } from "../schema/provisioning-key.ts";
import { findShownAiKey } from "../service/ai-keys/ai-key-holder.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { currentProvisioningKey, keyStatus } from "../service/provisioning-keys/current-provisioning-key.ts";
import type { Bearer, VerifyJwt } from "./bearer.ts";
import type { Route } from "./call.ts";
import { consoleBearer } from "./console-bearer.ts";
import { bearerIn, keyHeader } from "./credentials.ts";

const realm = 'realm="openclaw-provisioning"';

const gatewayBearer: Bearer = { actor: "token", scopes: [], reach: "all" };

/**
 * @param refuse counts the failure against the client's address, and rejects with it or with `rate_limited`
 * @throws Problem `unauthorized`, `invalid_header`
 */
export async function authenticateBearer(
  context: Context,
  headers: Headers,
  verifyJwt: VerifyJwt | undefined,
  refuse: (problem: Problem) => Promise<never>,
): Promise<Bearer> {
  const header = headers.get("authorization");
  if (header === null) {
    return await refuse(
      new Problem("unauthorized", "Send the gateway token as `Authorization: Bearer <token>`.", {
        headers: { "www-authenticate": `Bearer ${realm}` },
      }),
    );
  }
  if (header.includes(",")) throw repeated("Authorization");
  const token = bearerIn(headers);
  if (token !== undefined && (await isOneOf(context, token, context.settings.gatewayTokens))) return gatewayBearer;
  const session = token === undefined ? undefined : await consoleBearer(context, token, headers.has(unattendedHeader));
  if (session) return session;
  const jwt = token !== undefined && verifyJwt ? await verifyJwt(token) : undefined;
  if (jwt) return jwt;
  return await refuse(
    new Problem("unauthorized", "The gateway token is not valid.", {
      headers: { "www-authenticate": `Bearer ${realm}, error="invalid_token"` },
    }),
  );
}

/** The bearer of the one call that an AI key may make; `undefined` for whatever is no AI key, or has ended. */
export async function aiKeyBearer(context: Context, headers: Headers): Promise<Bearer | undefined> {
  const token = bearerIn(headers);
  if (token === undefined || !parseToken(token, "ocv")) return undefined;
  const key = await findShownAiKey(context, token);
  return key && { actor: `ai-key:${key.keyId}`, scopes: [], reach: "own", aiKeyId: key.keyId };
}

/**
 * The caller, whatever it may do.
 * @param scope for `token` no key is needed. One that is sent all the same must be valid, since its reach counts
 * @throws Problem `provisioning_key_missing`, `provisioning_key_invalid`, `invalid_header`
 */
export async function identifyCaller(
  context: Context,
  headers: Headers,
  bearer: Bearer,
  { scope }: Pick<Route, "scope">,
  rest: Pick<Caller, "requestId" | "address">,
  refuse: (problem: Problem) => Promise<never>,
): Promise<Caller> {
  const text = headers.get(keyHeader);
  if (bearer.session || bearer.linkCode !== undefined) {
    if (text !== null) throw keyBesideSession();
    return { ...bearer, operator: bearer.operator ?? false, ...rest };
  }
  if (text === null) {
    if (scope !== "token" && bearer.scopes.length === 0) return await refuse(keyProblem("provisioning_key_missing"));
    return { ...bearer, operator: false, ...rest };
  }
  if (text.includes(",")) throw repeated("X-Agent-Provisioning-Key");
  const { bearerExpiresAt } = bearer;
  const ends = bearerExpiresAt === undefined ? {} : { bearerExpiresAt };
  if (await isOneOf(context, text, context.settings.adminTokens)) {
    return { actor: "admin", scopes: ["provisioning:admin"], reach: "all", operator: false, ...ends, ...rest };
  }
  const found = await validKey(context, text);
  if (!found) return await refuse(keyProblem("provisioning_key_invalid"));
  const { key, until } = found;
  const end = [bearerExpiresAt, until].filter((time) => time !== undefined).sort()[0];
  return {
    ...{ actor: key.id, scopes: key.scopes, reach: key.reach ?? "all", key, operator: false },
    ...(end !== undefined && { bearerExpiresAt: end }),
    ...rest,
  };
}

/**
 * A link's code has the scopes of its maker, and opens a session without any.
 * @throws Problem `scope_missing`
 */
export function requireRouteScope(
  caller: Caller,
  { scope, otherScopes = [], alsoScope }: Pick<Route, "scope" | "otherScopes" | "alsoScope">,
): void {
  if (caller.linkCode !== undefined) return;
  if (!otherScopes.some((other) => caller.scopes.includes(other))) requireScope(caller, scope);
  if (alsoScope !== undefined) requireScope(caller, alsoScope);
}

/**
 * One answer for malformed, mistyped, unknown, expired and revoked: none of them is anybody's business. `until`: the end
 * of its grace, where the secret was rotated away.
 * @param now what ends by itself has ended until then
 */
export async function validKey(
  context: Context,
  text: string,
  now = context.clock.now(),
): Promise<{ key: ProvisioningKeyRecord; until: string | undefined } | undefined> {
  const token = parseToken(text, "ocp");
  const key = token && (await currentProvisioningKey(context, token.keyId));
  if (!key) return undefined;
  const digest = await context.crypto.sha256(text);
  if (!digestIsValid(key.state, digest, now) || keyStatus(key, now) !== "active") return undefined;
  return { key, until: graceOf(key.state, digest, now) };
}

/** Digests first: texts of unequal length must not be told apart by time either, nor which of two it was. */
async function isOneOf(context: Context, given: string, expected: readonly string[]): Promise<boolean> {
  const digest = await context.crypto.sha256(given);
  const digests = await Promise.all(expected.map((secret) => context.crypto.sha256(secret)));
  return digests.filter((other) => equalDigests(digest, other)).length > 0;
}

function requireScope(caller: Caller, needed: Scope | "token"): void {
  const { scopes: held } = caller;
  if (needed === "token" || missingScopes(held, [needed]).length === 0) return;
  throw new Problem(
    "scope_missing",
    `${holderOf(caller)} lacks the scope "${needed}"; it has ${held.join(", ") || "none"}.`,
  );
}

function holderOf({ session, key, actor }: Caller): string {
  if (session) return "The console session";
  if (key) return "The provisioning key";
  return actor === "admin" ? "The admin token" : "The token";
}

function keyProblem(code: "provisioning_key_missing" | "provisioning_key_invalid"): Problem {
  const detail =
    code === "provisioning_key_missing"
      ? "This call needs a provisioning key: send it as `X-Agent-Provisioning-Key: <key>`."
      : "The provisioning key is malformed, unknown, expired or revoked.";
  return new Problem(code, detail, { headers: { "www-authenticate": `ProvisioningKey ${realm}` } });
}

const repeated = (header: string): Problem =>
  new Problem("invalid_header", `${header} was sent more than once; send it once.`);

const keyBesideSession = (): Problem =>
  new Problem("invalid_header", "A console session stands for both credentials: send no X-Agent-Provisioning-Key.");

/** The local operator, who could read and write every file anyway. */
export const operatorCaller = (requestId: string): Caller => ({
  actor: "cli",
  scopes,
  reach: "all",
  operator: true,
  requestId,
});
