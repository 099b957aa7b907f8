import { Problem } from "../../../src/errors.ts";

/** The `Problem` that the call rejects with; anything else that happens fails the test. */
export async function failureOf(call: Promise<unknown>): Promise<Problem> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome && outcome.error instanceof Problem) return outcome.error;
  throw new Error("expected a Problem", { cause: "error" in outcome ? outcome.error : undefined });
}
