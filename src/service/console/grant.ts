import { equalDigests } from "../../domain/constant-time.ts";
import { issueToken, newKeyId, parseToken } from "../../domain/token.ts";
import { ConsoleGrant } from "../../schema/console.ts";
import type { ProvisioningKeyRecord } from "../../schema/provisioning-key.ts";
import { consoleLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { currentProvisioningKey, keyStatus } from "../provisioning-keys/current-provisioning-key.ts";

export const sessionMs = 8 * 3_600_000;
const idleMs = 3_600_000;
export const codeMs = 60_000;
/** A session's last use is written at most so often. */
const noteUseMs = 60_000;

export type GrantPrefix = "ocs" | "occ";

/** The tokens that were shown for it, for as long as they are known. */
export interface ShownTokens {
  gateway?: string | undefined;
  admin?: string | undefined;
}

export type NewGrant = Omit<ConsoleGrant, "digest" | "gatewayDigest" | "adminDigest" | "openedAt" | "usedAt">;

/** A stored grant whose credentials still stand. */
export interface FoundGrant {
  id: string;
  text: string;
  grant: ConsoleGrant;
  key?: ProvisioningKeyRecord | undefined;
  shown: ShownTokens;
}

/** Makes a session or a code and keeps its digest. */
export async function issueGrant(
  context: Context,
  prefix: GrantPrefix,
  given: NewGrant,
  shown: ShownTokens,
): Promise<{ id: string; secret: string; grant: ConsoleGrant }> {
  const id = newKeyId(context.crypto.randomBytes);
  const secret = issueToken(prefix, id, context.crypto.randomBytes);
  const now = context.clock.now();
  const at = new Date(now).toISOString();
  const digestWith = async (token: string | undefined) =>
    token === undefined ? undefined : await context.crypto.sha256(`${secret}\n${token}`);
  const [gatewayDigest, adminDigest] = [await digestWith(shown.gateway), await digestWith(shown.admin)];
  const grant: ConsoleGrant = {
    ...given,
    digest: await context.crypto.sha256(secret),
    ...(gatewayDigest !== undefined && { gatewayDigest }),
    ...(adminDigest !== undefined && { adminDigest }),
    openedAt: at,
    usedAt: at,
  };
  await context.ledger.put(consoleLedger(prefix, id).state, JSON.stringify(grant), lifeMs(prefix, grant, now));
  return { id, secret, grant };
}

/** One answer for malformed, unknown, expired and orphaned: `undefined`. */
export async function findGrant(
  context: Context,
  prefix: GrantPrefix,
  secret: string,
): Promise<FoundGrant | undefined> {
  const id = parseToken(secret, prefix)?.keyId;
  if (id === undefined) return undefined;
  const text = await context.ledger.get(consoleLedger(prefix, id).state);
  if (text === undefined) return undefined;
  // The text of a code that was used is no grant.
  const { data: grant } = ConsoleGrant.safeParse(JSON.parse(text));
  if (!grant || !equalDigests(await context.crypto.sha256(secret), grant.digest)) return undefined;
  const now = context.clock.now();
  // A code lives as long as its text: the minute of a link is short of what two machines' clocks may differ by.
  if (prefix === "ocs" && lifeMs(prefix, grant, now) <= 0) return undefined;
  const { gatewayTokens, adminTokens } = context.settings;
  const gateway = await stillOneOf(context, secret, grant.gatewayDigest, gatewayTokens);
  const admin = await stillOneOf(context, secret, grant.adminDigest, adminTokens);
  if (grant.gatewayDigest !== undefined && gateway === undefined) return undefined;
  if (grant.adminDigest !== undefined && admin === undefined) return undefined;
  const found = { id, text, grant, shown: { gateway, admin } };
  if (!grant.key) return found;
  const key = await keyStands(context, grant.key);
  return key && { ...found, key };
}

/** The session's grant, unless it was ended or outlived; its credentials are not looked at. */
export async function liveGrant(context: Context, id: string): Promise<ConsoleGrant | undefined> {
  const text = await context.ledger.get(consoleLedger("ocs", id).state);
  const grant = text === undefined ? undefined : ConsoleGrant.parse(JSON.parse(text));
  return grant && lifeMs("ocs", grant, context.clock.now()) > 0 ? grant : undefined;
}

/** The key, unless it was changed or has ended since. */
async function keyStands(
  context: Context,
  { id, version }: NonNullable<ConsoleGrant["key"]>,
): Promise<ProvisioningKeyRecord | undefined> {
  const key = await currentProvisioningKey(context, id);
  const stands = key?.state.version === version && keyStatus(key, context.clock.now()) === "active";
  return stands ? key : undefined;
}

async function stillOneOf(
  context: Context,
  secret: string,
  digest: string | undefined,
  tokens: readonly string[],
): Promise<string | undefined> {
  if (digest === undefined) return undefined;
  let found: string | undefined;
  for (const token of tokens) {
    if (equalDigests(await context.crypto.sha256(`${secret}\n${token}`), digest)) found = token;
  }
  return found;
}

/** Starts a session's idle hour anew. Another process that does the same at the same time has done it. */
export async function noteUse(context: Context, { id, text, grant }: FoundGrant): Promise<void> {
  const now = context.clock.now();
  if (now - Date.parse(grant.usedAt) < noteUseMs) return;
  const next = { ...grant, usedAt: new Date(now).toISOString() };
  await context.ledger.replace(consoleLedger("ocs", id).state, text, JSON.stringify(next), lifeMs("ocs", next, now));
}

/** How long it is valid from now, unless it is used. */
function lifeMs(prefix: GrantPrefix, grant: ConsoleGrant, now: number): number {
  const rest = Date.parse(grant.expiresAt) - now;
  return prefix === "occ" ? rest : Math.min(rest, Date.parse(grant.usedAt) + idleMs - now);
}
