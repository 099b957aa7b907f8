import type { ConsoleCaller } from "../../schema/console.ts";
import { scopes } from "../../schema/provisioning-key.ts";
import { version } from "../../version.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";

/** The facts about its caller that a page needs to show only what will work. */
export async function describeCaller(context: Context, caller: Caller): Promise<ConsoleCaller> {
  const { settings, host } = context;
  const { provisioning } = settings;
  const { key, session } = caller;
  return {
    actor: caller.actor,
    ...(key && { keyName: key.name }),
    scopes: caller.operator ? [...scopes] : [...caller.scopes],
    reach: caller.reach,
    aiProviders: await usableProviders(context, caller),
    ...(session && { id: session.id, expiresAt: session.expiresAt }),
    features: {
      version,
      allowDelete: provisioning.allowDelete || caller.operator,
      hostKind: host.kind,
      storesCredentials: host.storesCredentials,
      gateways: host.gateways?.known().map(({ id }) => id) ?? [],
      publicUrl: provisioning.publicUrl,
      maxAgentsPerKey: provisioning.maxAgentsPerKey,
    },
  };
}

async function usableProviders(context: Context, caller: Caller): Promise<string[]> {
  const linked = caller.key?.aiProviderKeyId ?? caller.aiProviderKeyId;
  const any = caller.operator || caller.actor === "admin";
  const records = any
    ? (await context.records.list("ai-providers")).items
    : [linked === undefined ? undefined : await context.records.get("ai-providers", linked)];
  const active = records.filter((record) => record !== undefined && record.revokedAt === undefined);
  return [...new Set(active.map((record) => record!.provider))].sort();
}
