import { Problem } from "../../errors.ts";
import type { KeyApi, KeyMark, Minter } from "./key-api.ts";

/** A key that may still come to be at its provider after a failed creation: `revoke(remoteId)` until it is gone. */
export interface LeftoverKey {
  remoteId: string;
  /** It was looked for and is not there so far. */
  unseen: boolean;
}

const leftovers = new WeakMap<object, LeftoverKey>();

/** The key that a failed `mint` could not clean up behind itself. */
export const leftoverKey = (error: unknown): LeftoverKey | undefined =>
  typeof error === "object" && error !== null ? leftovers.get(error) : undefined;

/** No provider's own ids begin so. */
const named = "name:";
const keyNameOf = ({ agentId, operationId }: KeyMark): string => `openclaw-${agentId}-${operationId}`;

/** The id that `revoke` takes where only the operation that minted, or was about to, is known. */
export const remoteIdOfMark = (mark: KeyMark): string => named + keyNameOf(mark);

/** The key's name, where that is all that is known of it. */
export const nameIn = (remoteId: string): string | undefined =>
  remoteId.startsWith(named) ? remoteId.slice(named.length) : undefined;

/**
 * Takes back at once what a creation that broke off may have left; a key whose id is not known is revoked by its name.
 */
export function minterOver(api: KeyApi): Minter {
  const revoke = async (remoteId: string): Promise<boolean> => {
    const keyName = nameIn(remoteId);
    if (keyName !== undefined) return (await api.removeNamed(keyName)) > 0;
    await api.remove(remoteId);
    return true;
  };

  return {
    async mint(request) {
      const keyName = keyNameOf(request);
      const attempt = await api.create({ ...request, keyName });
      if (attempt.outcome === "minted") return attempt.key;
      const { problem, left } = attempt;
      if (left === "nothing") throw problem;
      const remoteId = left === "unknown" ? named + keyName : left.remoteId;
      // A creation cut off on its way may take effect after this look: not found now is not yet gone for good.
      const gone = await revoke(remoteId).catch(() => undefined);
      if (gone) throw problem;
      const doubtful = new Problem(
        problem.code,
        `${problem.message} A key named "${keyName}" may have been left there.`,
        {
          cause: problem.cause,
        },
      );
      leftovers.set(doubtful, { remoteId, unseen: gone === false });
      throw doubtful;
    },

    revoke,
  };
}
