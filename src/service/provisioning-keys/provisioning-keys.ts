import { hasEnded } from "../../domain/has-ended.ts";
import { liveDigests, rotateDigests } from "../../domain/secret-digests.ts";
import { issueToken, newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import {
  type CreateProvisioningKey,
  type ProvisioningKeyIssued,
  type ProvisioningKeyRecord,
  ProvisioningKeyState,
  type ProvisioningKeyView,
} from "../../schema/provisioning-key.ts";
import { keyLedger } from "../../storage/ledger-names.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withLease } from "../lease.ts";
import { requireAiProvider } from "../state/require-ai-provider.ts";
import { currentProvisioningKey, keyStatus, withCurrentState } from "./current-provisioning-key.ts";

const defaultKeyGraceSeconds = 86_400;

/** @throws Problem `ai_provider_not_found`, `provider_revoked`, `invalid_body` */
export async function createProvisioningKey(
  context: Context,
  caller: Caller,
  body: CreateProvisioningKey,
): Promise<ProvisioningKeyIssued> {
  await checkLink(context, body.aiProviderKeyId);
  if (hasEnded(body, context.clock.now())) {
    throw new Problem("invalid_body", "expiresAt lies in the past.", {
      errors: [{ path: "expiresAt", message: "must lie in the future" }],
    });
  }
  const id = newKeyId(context.crypto.randomBytes);
  const key = issueToken("ocp", id, context.crypto.randomBytes);
  const record: ProvisioningKeyRecord = {
    id,
    ...body,
    scopes: [...new Set(body.scopes)],
    reach: body.reach ?? (body.scopes.includes("provisioning:admin") ? "all" : context.settings.provisioning.keyReach),
    createdAt: now(context),
    state: { version: 1, digest: await context.crypto.sha256(key) },
  };
  const details = {
    name: body.name,
    scopes: record.scopes,
    reach: record.reach ?? "all",
    ...(body.aiProviderKeyId && { aiProvider: body.aiProviderKeyId }),
  };
  return await auditedChange(context, caller, { action: "provisioning-key.create", target: id, details }, async () => {
    await context.ledger.put(keyLedger(id).state, JSON.stringify(record.state));
    // Not looked for before: Workers KV would remember for a minute that it is not there.
    await context.records.set("keys", id, record);
    return { ...(await keyView(context, record)), key };
  });
}

async function checkLink(context: Context, aiProviderId: string | undefined): Promise<void> {
  if (aiProviderId === undefined) return;
  const provider = await requireAiProvider(context, aiProviderId);
  if (provider.revokedAt !== undefined) {
    throw new Problem("provider_revoked", `The AI provider "${provider.name}" is revoked; link another one.`);
  }
}

/** The oldest first, revoked and expired ones included, without their secrets. */
export async function listProvisioningKeys(context: Context): Promise<{ keys: ProvisioningKeyView[] }> {
  const { items } = await context.records.list("keys");
  items.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
  return {
    keys: await Promise.all(items.map(async (item) => await keyView(context, await withCurrentState(context, item)))),
  };
}

/** Revoking twice is no error: the key is revoked either way, since the first time. */
export async function revokeProvisioningKey(
  context: Context,
  caller: Caller,
  id: string,
): Promise<ProvisioningKeyView> {
  return await changeKey(context, id, async (record) => {
    if (record.state.revokedAt !== undefined) return await keyView(context, record);
    return await auditedChange(context, caller, { action: "provisioning-key.revoke", target: id }, async () => {
      const state = { version: record.state.version + 1, digest: record.state.digest, revokedAt: now(context) };
      const next = { ...record, state };
      await replaceKey(context, next);
      return await keyView(context, next);
    });
  });
}

/** A new secret under the same id; the old one works on for the grace period. */
export async function rotateProvisioningKey(
  context: Context,
  caller: Caller,
  id: string,
  graceSeconds = defaultKeyGraceSeconds,
): Promise<ProvisioningKeyIssued> {
  return await changeKey(context, id, async (record) => {
    if (record.state.revokedAt !== undefined) {
      throw new Problem("key_revoked", `The key ${id} was revoked; create a new one with "agent-keys create".`);
    }
    if (keyStatus(record, context.clock.now()) === "expired") {
      throw new Problem("key_expired", `The key ${id} has expired; create a new one with "agent-keys create".`);
    }
    const key = issueToken("ocp", id, context.crypto.randomBytes);
    const change = { action: "provisioning-key.rotate", target: id, details: { graceSeconds } };
    return await auditedChange(context, caller, change, async () => {
      const digest = await context.crypto.sha256(key);
      const state: ProvisioningKeyState = {
        version: record.state.version + 1,
        ...rotateDigests(record.state, digest, graceSeconds * 1000, context.clock.now()),
      };
      const next = { ...record, state };
      await replaceKey(context, next);
      return { ...(await keyView(context, next)), key };
    });
  });
}

/**
 * One change to a key at a time, on the key as it then is: each writes the whole of its state, and a rotation that
 * began before a revocation would undo it.
 *
 * @throws Problem `key_not_found`, `key_busy`
 */
async function changeKey<T>(
  context: Context,
  id: string,
  work: (record: ProvisioningKeyRecord) => Promise<T>,
): Promise<T> {
  await requireKey(context, id);
  const busy = () => keyBusy(id);
  const onKey = async () => await work(await requireKey(context, id));
  return await withLease(context, { name: keyLedger(id).claim, owner: newOperationId(context), busy }, onKey);
}

async function requireKey(context: Context, id: string): Promise<ProvisioningKeyRecord> {
  const record = await currentProvisioningKey(context, id);
  if (record) return record;
  throw new Problem(
    "key_not_found",
    `There is no provisioning key "${id.slice(0, 64)}"; "agent-keys list" shows those there are.`,
  );
}

const keyBusy = (id: string): Problem =>
  new Problem("key_busy", `The key ${id} is being changed; try again in a moment.`, {
    headers: { "retry-after": "1" },
  });

/** A process that slept in between must not give a revoked key back. */
async function replaceKey(context: Context, record: ProvisioningKeyRecord): Promise<void> {
  const { id, state } = record;
  const name = keyLedger(id).state;
  const text = await context.ledger.get(name);
  const isOlder = (one: ProvisioningKeyState | undefined): boolean => one === undefined || one.version < state.version;
  const current = text === undefined ? undefined : ProvisioningKeyState.parse(JSON.parse(text));
  if (!isOlder(current) || !(await context.ledger.replace(name, text, JSON.stringify(state)))) throw keyBusy(id);
  await context.records.replace("keys", id, (now) => isOlder(now?.state), record);
}

async function keyView(context: Context, record: ProvisioningKeyRecord): Promise<ProvisioningKeyView> {
  const names = keyLedger(record.id);
  const [seen, agents] = await Promise.all([context.ledger.seen(names.rate), context.ledger.used(names.agents, "all")]);
  const { state, aiProviderKeyId, maxAgents, rateLimitPerMinute, expiresAt } = record;
  const [previous] = liveDigests(state, context.clock.now());
  return {
    id: record.id,
    name: record.name,
    scopes: record.scopes,
    reach: record.reach ?? "all",
    status: keyStatus(record, context.clock.now()),
    ...(aiProviderKeyId !== undefined && { aiProviderKeyId }),
    ...(maxAgents !== undefined && { maxAgents }),
    ...(rateLimitPerMinute !== undefined && { rateLimitPerMinute }),
    ...(expiresAt !== undefined && { expiresAt }),
    createdAt: record.createdAt,
    ...(state.revokedAt !== undefined && { revokedAt: state.revokedAt }),
    ...(previous && { previousValidUntil: earlier(previous.until, expiresAt) }),
    agents: agents.used + agents.reserved,
    uses: seen.count,
    ...(seen.lastAt !== undefined && { lastUsedAt: new Date(seen.lastAt).toISOString() }),
  };
}

const earlier = (time: string, end = time): string => (end < time ? end : time);

const now = (context: Context): string => new Date(context.clock.now()).toISOString();
