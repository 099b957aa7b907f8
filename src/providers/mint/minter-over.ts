import { Problem } from "../../errors.ts";
import type { KeyApi, KeyMark, Minter } from "./minter.ts";

/** A key that may still be at its provider after a failed creation: `revoke(remoteId)` until that resolves. */
export interface LeftoverKey {
  remoteId: string;
  /** Under this name a person finds it in the provider's console. */
  keyName: string;
}

const leftovers = new WeakMap<object, LeftoverKey>();

/** What a failed `mint` could not clean up behind itself. */
export const leftoverKey = (error: unknown): LeftoverKey | undefined =>
  typeof error === "object" && error !== null ? leftovers.get(error) : undefined;

/** No provider's own ids begin so. */
const named = "name:";
const keyNameOf = ({ agentId, operationId }: KeyMark): string => `openclaw-${agentId}-${operationId}`;

/** What `revoke` takes where only the operation that minted, or was about to, is known. */
export const remoteIdOfMark = (mark: KeyMark): string => named + keyNameOf(mark);

export function minterOver(api: KeyApi): Minter {
  const revoke = async (remoteId: string): Promise<number> => {
    if (remoteId.startsWith(named)) return await api.removeNamed(remoteId.slice(named.length));
    await api.remove(remoteId);
    return 1;
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
      const removed = await revoke(remoteId).catch(() => 0);
      if (removed > 0) throw problem;
      const doubtful = new Problem(
        problem.code,
        `${problem.message} A key named "${keyName}" may have been left there.`,
        {
          cause: problem.cause,
        },
      );
      leftovers.set(doubtful, { remoteId, keyName });
      throw doubtful;
    },

    async revoke(remoteId) {
      await revoke(remoteId);
    },

    async cleanup(mark) {
      await api.removeNamed(keyNameOf(mark));
    },
  };
}
