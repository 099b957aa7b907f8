import type { Context } from "../src/service/context.ts";

/** For services under test that meter nothing, and are not stopped. */
export const noActivity: Pick<Context, "meter" | "isStopping"> = {
  meter: { spent: () => undefined, denied: () => undefined },
  isStopping: () => false,
};
