import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { profileIdFor } from "../../../src/domain/profile-id.ts";
import { Problem } from "../../../src/errors.ts";
import type { Credential } from "../../../src/ports.ts";
import { type Placing, removeDurably, writePrivate } from "../files/atomic-write.ts";
import { bitsForOthers } from "../files/own-group.ts";
import { type AuthBefore, asideOf, noteBefore, nothingBefore, profilesBefore } from "./auth-before.ts";

/** OpenClaw's classic store of an agent's credentials. Other parties' entries in it stay. */
const AuthProfiles = z.looseObject({
  version: z.literal(1),
  profiles: z.record(z.string(), z.looseObject({ type: z.string(), provider: z.string() })),
  order: z.optional(z.record(z.string(), z.array(z.string()))),
});
type AuthProfiles = z.infer<typeof AuthProfiles>;

/** OpenClaw's own place for an agent's credentials. */
export const authProfilesPath = (agentDir: string): string => join(agentDir, "auth-profiles.json");

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

/** As OpenClaw writes it. */
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

/** Takes the provider's credential away. The order stays pinned to it: no other takes its place. */
export async function removeCredential(agentDir: string, provider: string, placing: Placing): Promise<void> {
  const store = readAuthProfiles(agentDir);
  const { [profileIdFor(provider)]: removed, ...profiles } = store?.profiles ?? {};
  if (!store || !removed) return;
  await writePrivate(authProfilesPath(agentDir), authProfilesText({ ...store, profiles }), placing);
}

/** @returns `before`, and in it what a key for this provider takes the place of */
export const noteCredential = (agentDir: string, provider: string, before: AuthBefore): AuthBefore =>
  noteBefore(readAuthProfiles(agentDir) ?? { profiles: {} }, { profileId: profileIdFor(provider), provider }, before);

/** Puts aside each profile that is to be given back. */
function withAside(store: AuthProfiles | undefined, before: AuthBefore): AuthProfiles | undefined {
  const aside = profilesBefore(before, true).filter((id) => store?.profiles[id] && !store.profiles[asideOf(id)]);
  if (!store || aside.length === 0) return store;
  const copies = aside.map((id) => [asideOf(id), store.profiles[id]!]);
  return { ...store, profiles: { ...store.profiles, ...Object.fromEntries(copies) } };
}

/** Takes out what was stored over `before`, and puts back what was there. */
export async function giveCredentialsBack(agentDir: string, before: AuthBefore, placing: Placing): Promise<void> {
  const store = readAuthProfiles(agentDir);
  if (!store) return;
  const { order: _, ...rest } = store;
  const profiles = { ...store.profiles };
  for (const id of profilesBefore(before, false)) delete profiles[id];
  for (const id of profilesBefore(before, true)) {
    const aside = profiles[asideOf(id)];
    if (aside) profiles[id] = aside;
    delete profiles[asideOf(id)];
  }
  const order = { ...store.order };
  for (const [provider, ids] of Object.entries(before.order)) {
    if (ids === null) delete order[provider];
    else order[provider] = ids;
  }
  const isBare = Object.keys(profiles).length === 0 && Object.keys(rest).length === 2;
  const next = { ...rest, profiles, ...(Object.keys(order).length > 0 && { order }) };
  const path = authProfilesPath(agentDir);
  if (isBare) await removeDurably(path, placing);
  else await writePrivate(path, authProfilesText(next), placing);
}

/**
 * Replaces the provider's credential and keeps those of others.
 * @param before of an agent that was adopted
 * @returns its profile id
 */
export async function storeCredential(
  agentDir: string,
  credential: Credential,
  placing: Placing,
  before: AuthBefore = nothingBefore(),
): Promise<string> {
  const store = withCredential(withAside(readAuthProfiles(agentDir), before), credential);
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
