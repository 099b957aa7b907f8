import { isProblem } from "../errors.ts";

/** Within the half minute that a Worker may go on after its answer. */
const pausesMs = [250, 500, 1_000, 2_000, 4_000, 8_000, 12_000];

/** A store that was full or away comes back: `work`, of which doing it twice changes nothing, is tried again. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const pause of pausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error, "store_unwritable")) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return await work();
}
