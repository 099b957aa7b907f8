import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { Problem } from "../../../src/errors.ts";
import type { Credential } from "../../../src/ports.ts";
import { type Placing, writePrivate } from "../files/atomic-write.ts";
import { bitsForOthers } from "../files/own-group.ts";

/** OpenClaw's classic store of an agent's credentials. Other parties' entries in it stay. */
const AuthProfiles = z.looseObject({
  version: z.literal(1),
  profiles: z.record(z.string(), z.looseObject({ type: z.string(), provider: z.string() })),
  order: z.optional(z.record(z.string(), z.array(z.string()))),
});
type AuthProfiles = z.infer<typeof AuthProfiles>;

export const authProfilesPath = (agentDir: string): string => join(agentDir, "auth-profiles.json");
export const profileIdFor = (provider: string): string => `${provider}:dedicated`;

/** The order is pinned to this one profile: with a second in it, OpenClaw alternates between the keys. */
export function withCredential(store: AuthProfiles | undefined, credential: Credential): AuthProfiles {
  const { provider, apiKey, baseUrl } = credential;
  const profileId = profileIdFor(provider);
  const profile = { type: "api_key", provider, key: apiKey, ...(baseUrl !== undefined && { baseUrl }) };
  return {
    ...store,
    version: 1,
    profiles: { ...store?.profiles, [profileId]: profile },
    order: { ...store?.order, [provider]: [profileId] },
  };
}

export const authProfilesText = (store: AuthProfiles): string => `${JSON.stringify(store, null, 2)}\n`;

/** @throws Problem `store_unreadable` for a file that is there and is not such a store */
function readAuthProfiles(agentDir: string): AuthProfiles | undefined {
  try {
    return AuthProfiles.parse(JSON.parse(readFileSync(authProfilesPath(agentDir), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // A parser's message may quote what it read: no cause, for the log must not learn a key.
    throw new Problem(
      "store_unreadable",
      "The agent's auth-profiles.json cannot be read; correct it, or remove it and onboard the agent anew.",
    );
  }
}

/**
 * Replaces the provider's credential and keeps those of others.
 * @returns its profile id
 */
export async function storeCredential(agentDir: string, credential: Credential, placing: Placing): Promise<string> {
  const store = withCredential(readAuthProfiles(agentDir), credential);
  await writePrivate(authProfilesPath(agentDir), authProfilesText(store), placing);
  return profileIdFor(credential.provider);
}

/** Whether there is a credential to use, and what is wrong where that cannot be said. */
export function credentialState(agentDir: string): { credentials: "ok" | "missing" | "unknown"; detail?: string } {
  const file = lstatSync(authProfilesPath(agentDir), { throwIfNoEntry: false });
  if (!file) return { credentials: "missing" };
  if (bitsForOthers(file) !== 0) {
    return {
      credentials: "unknown",
      detail: "auth-profiles.json is open to others; chmod 600 it and replace its keys.",
    };
  }
  try {
    const profiles = Object.keys(readAuthProfiles(agentDir)?.profiles ?? {});
    return { credentials: profiles.length > 0 ? "ok" : "missing" };
  } catch (error) {
    return { credentials: "unknown", detail: (error as Problem).message };
  }
}
