import type { ConsoleCaller } from "../../schema/console.ts";
import { scopes } from "../../schema/provisioning-key.ts";
import { version } from "../../version.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";

/** What a page must know of its caller to show only what will work. */
export function describeCaller({ settings, host }: Context, caller: Caller): ConsoleCaller {
  const { provisioning } = settings;
  const { key, session } = caller;
  const aiProviderKeyId = key?.aiProviderKeyId ?? caller.aiProviderKeyId;
  return {
    actor: caller.actor,
    ...(key && { keyName: key.name }),
    scopes: caller.operator ? [...scopes] : [...caller.scopes],
    reach: caller.reach,
    ...(aiProviderKeyId !== undefined && { aiProviderKeyId }),
    ...(session && { id: session.id, expiresAt: session.expiresAt }),
    features: {
      version,
      allowDelete: provisioning.allowDelete || caller.operator,
      hostKind: host.kind,
      storesCredentials: host.storesCredentials,
      gateways: provisioning.host.gateways.map(({ id }) => id),
      publicUrl: provisioning.publicUrl,
      maxAgentsPerKey: provisioning.maxAgentsPerKey,
    },
  };
}
