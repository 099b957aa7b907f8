import * as z from "zod/mini";

/** An agent had this in its store of credentials before it was given a key; `null`: nothing of that name. */
export const AuthBefore = z.object({
  /** Whether there was a profile of this id: it stays in the store, under another one. */
  profiles: z.record(z.string(), z.boolean()),
  order: z.record(z.string(), z.nullable(z.array(z.string()))),
  lastGood: z.record(z.string(), z.nullable(z.string())),
});
export type AuthBefore = z.infer<typeof AuthBefore>;

/** An agent had no profile that an adoption would replace. */
export const nothingBefore = (): AuthBefore => ({ profiles: {}, order: {}, lastGood: {} });

interface AuthStore {
  profiles: Record<string, unknown>;
  order?: Record<string, string[]> | undefined;
  lastGood?: Record<string, string> | undefined;
}

/** The id under which a profile waits in the store to be given back. No provider's order names it. */
export const asideOf = (profileId: string): string => `${profileId}-before-adoption`;

/** @returns `before`, and in it what this key would take the place of, where it is not in it yet */
export function noteBefore(
  { profiles, order = {}, lastGood = {} }: AuthStore,
  { profileId, provider }: { profileId: string; provider: string },
  before: AuthBefore,
): AuthBefore {
  return {
    profiles: { [profileId]: profiles[profileId] !== undefined, ...before.profiles },
    order: { [provider]: order[provider] ?? null, ...before.order },
    lastGood: { [provider]: lastGood[provider] ?? null, ...before.lastGood },
  };
}

/** The ids of those profiles that were there, or of those that were not. */
export const profilesBefore = ({ profiles }: AuthBefore, were: boolean): string[] =>
  Object.keys(profiles).filter((id) => profiles[id] === were);
