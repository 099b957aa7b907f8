import { Problem } from "../../errors.ts";
import type { ConsoleGrant, ConsoleLink, ConsoleSessionOpened, ConsoleSessionView } from "../../schema/console.ts";
import { scopes } from "../../schema/provisioning-key.ts";
import { consoleLedger } from "../../storage/ledger-names.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { codeMs, type FoundGrant, findGrant, issueGrant, type NewGrant, type ShownTokens, sessionMs } from "./grant.ts";
import { forgetSession, knownSession, knownSessions, rememberSession } from "./session-list.ts";

/**
 * Exchanges what was shown for a session: credentials, or a link's code.
 * @throws Problem `session_not_allowed` for a session that would open another, `unauthorized` for a code that was used
 */
export async function openSession(
  context: Context,
  caller: Caller,
  shown: ShownTokens,
  code: string | undefined,
): Promise<ConsoleSessionOpened> {
  refuseSession(caller);
  const found = code === undefined ? undefined : await redeem(context, code);
  const given = found ? grantAgain(context, found, caller) : grantOf(context, caller, sessionMs);
  const details = { scopes: given.scopes, expiresAt: given.expiresAt };
  return await auditedChange(context, caller, { action: "console.open", details }, async (_, outcome) => {
    const { id, secret, grant } = await issueGrant(context, "ocs", given, found?.shown ?? shown);
    await rememberSession(context, id, grant);
    outcome.session = id;
    return { ...sessionView(id, grant), session: secret };
  });
}

/** A link that opens one session with what the caller may do, within a minute. */
export async function makeConsoleLink(context: Context, caller: Caller, shown: ShownTokens): Promise<ConsoleLink> {
  refuseSession(caller);
  const { publicUrl, console: page } = context.settings.provisioning;
  if (!page.enabled) {
    throw new Problem("not_found", 'The console is switched off; set "gateway.provisioning.console.enabled": true.');
  }
  return await auditedChange(context, caller, { action: "console.link" }, async () => {
    const { secret, grant } = await issueGrant(context, "occ", grantOf(context, caller, codeMs), shown);
    return { link: `${publicUrl}${page.path}/#code=${secret}`, code: secret, expiresAt: grant.expiresAt };
  });
}

/** The sessions that are open, the newest first. */
export async function listSessions(context: Context): Promise<{ sessions: ConsoleSessionView[] }> {
  const known = await knownSessions(context);
  const sessions = known.map(({ id, grant }) => sessionView(id, grant));
  return { sessions: sessions.sort((a, b) => b.openedAt.localeCompare(a.openedAt)) };
}

/**
 * Ends a session at once, by whoever it is.
 * @throws Problem `session_not_found`
 */
export async function closeSession(
  context: Context,
  caller: Caller,
  id: string,
  action: "console.close" | "console.revoke",
): Promise<ConsoleSessionView> {
  const grant = await knownSession(context, id);
  if (!grant) {
    throw new Problem(
      "session_not_found",
      `There is no open console session "${id.slice(0, 64)}"; GET /provisioning/sessions lists those there are.`,
    );
  }
  return await auditedChange(context, caller, { action, target: id }, async () => {
    await context.ledger.put(consoleLedger("ocs", id).state, undefined);
    await forgetSession(context, id, grant);
    return sessionView(id, grant);
  });
}

function refuseSession(caller: Caller): void {
  if (!caller.session) return;
  throw new Problem(
    "session_not_allowed",
    "A console session opens no other: send the gateway token and a provisioning key instead.",
  );
}

/** The shown credentials as a grant, which ends no later than they do. */
function grantOf(context: Context, caller: Caller, ms: number): NewGrant {
  const { key, address, bearerExpiresAt: credentialExpiresAt } = caller;
  return {
    actor: caller.actor,
    // The administration may make itself a key of any scope.
    scopes: caller.actor === "admin" ? [...scopes] : [...caller.scopes],
    reach: caller.reach,
    operator: caller.operator,
    ...(key && { key: { id: key.id, name: key.name, version: key.state.version } }),
    ...(caller.aiProviderKeyId !== undefined && { aiProviderKeyId: caller.aiProviderKeyId }),
    ...(credentialExpiresAt !== undefined && { credentialExpiresAt }),
    ...(address !== undefined && { address }),
    expiresAt: earliest(context.clock.now() + ms, credentialExpiresAt, key?.expiresAt),
  };
}

/** The rights of the code's maker, for the holder of the link. */
function grantAgain(context: Context, { grant, key }: FoundGrant, { address }: Caller): NewGrant {
  const { digest: _, gatewayDigest: __, adminDigest: ___, address: ____, ...rest }: ConsoleGrant = grant;
  const expiresAt = earliest(context.clock.now() + sessionMs, grant.credentialExpiresAt, key?.expiresAt);
  return { ...rest, expiresAt, ...(address !== undefined && { address }) };
}

const earliest = (ms: number, ...times: (string | undefined)[]): string =>
  [new Date(ms).toISOString(), ...times.filter((time) => time !== undefined)].sort()[0]!;

/** One of two callers who show a code has its session. */
async function redeem(context: Context, code: string): Promise<FoundGrant> {
  const found = await findGrant(context, "occ", code);
  if (found) {
    const { state } = consoleLedger("occ", found.id);
    const mine = JSON.stringify({ usedBy: Array.from(context.crypto.randomBytes(16)) });
    if (await context.ledger.replace(state, found.text, mine, codeMs)) return found;
  }
  throw new Problem("unauthorized", "The link was used already, or is older than a minute; make another one.", {
    headers: { "www-authenticate": 'Bearer realm="openclaw-provisioning", error="invalid_token"' },
  });
}

function sessionView(id: string, grant: ConsoleGrant): ConsoleSessionView {
  const { actor, key, scopes: held, reach, openedAt, usedAt, expiresAt, address } = grant;
  return {
    id,
    actor,
    ...(key && { keyName: key.name }),
    scopes: held,
    reach,
    openedAt,
    usedAt,
    expiresAt,
    ...(address !== undefined && { address }),
  };
}
