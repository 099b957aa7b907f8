import type { Instance, Ledger } from "../../../src/ports.ts";
import { instanceAlive } from "../../../src/storage/ledger-names.ts";

const beatMs = 15_000;
/** Three beats that fail in a row, and a while. */
const aliveMs = 60_000;
/** An instance has to be missed for so long: right after Redis lost its last second, the living are missing as well. */
const missedMs = 30_000;

/** Tells instances on other machines by a text that each renews in the ledger. */
export interface SharedPresence extends Required<Pick<Instance, "isLost">> {
  close(): Promise<void>;
}

/**
 * Tells whether an instance on another machine still lives, whose process nobody here can see: each says so in Redis,
 * every fifteen seconds, for a minute.
 */
export function createSharedPresence(
  ledger: Pick<Ledger, "get" | "put">,
  id: string,
  now: () => number = () => performance.now(),
): SharedPresence {
  const missedSince = new Map<string, number>();

  async function isMissing(other: string): Promise<boolean> {
    if ((await ledger.get(instanceAlive(other))) === undefined) return true;
    missedSince.delete(other);
    return false;
  }

  async function beat(): Promise<void> {
    // Redis may be away: what it misses then is missed of all.
    await ledger.put(instanceAlive(id), "1", aliveMs).catch(() => undefined);
    // Nobody may ask for one again until it is missed the next time, which is another miss.
    for (const other of missedSince.keys()) await isMissing(other).catch(() => undefined);
  }

  void beat();
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  return {
    async isLost(other) {
      if (other === id || !(await isMissing(other))) return false;
      const since = missedSince.get(other) ?? now();
      missedSince.set(other, since);
      if (now() - since < missedMs) return false;
      missedSince.delete(other);
      return true;
    },
    async close() {
      clearInterval(timer);
      await ledger.put(instanceAlive(id), undefined).catch(() => undefined);
    },
  };
}
