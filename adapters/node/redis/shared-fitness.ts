import { Problem } from "../../../src/errors.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";

type Call = (...args: unknown[]) => Promise<unknown>;

/** Keeps an instance that may not work with what the others have in Redis from doing so. */
export interface SharedFitness {
  /** @throws SettingsError where it may not */
  look(): Promise<void>;
  /** The same while it runs. Rejects with `store_unwritable`, and so does all that is guarded from then on. */
  again(): Promise<void>;
  /** The same store, of which nothing is asked before the instance is known to be fit. */
  guard<T extends object>(store: T): T;
}

/**
 * An instance that starts while Redis is away is told only later, and one that runs may become unfit: by a newer
 * release, or a seal key that it has not got.
 */
export function createSharedFitness(requireFit: () => Promise<void>): SharedFitness {
  let isFit = false;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      await requireFit();
      isFit = true;
    } catch (error) {
      if (error instanceof SettingsError) isFit = false;
      throw error;
    }
  }

  async function again(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    try {
      await looking;
    } catch (cause) {
      throw cause instanceof SettingsError ? new Problem("store_unwritable", undefined, { cause }) : cause;
    }
  }

  const guarded =
    (call: Call): Call =>
    (...args) =>
      isFit ? call(...args) : again().then(() => call(...args));
  return {
    look,
    again,
    guard<T extends object>(store: T): T {
      const calls = Object.entries(store).map(([name, call]) => [
        name,
        name === "close" ? call : guarded(call as Call),
      ]);
      return Object.fromEntries(calls) as T;
    },
  };
}
