import { Problem, type ProblemCode } from "../../src/errors.ts";

/** @throws Problem of this code for whatever a Durable Object, or the way to it, refuses */
export async function answered<T>(code: ProblemCode, call: () => PromiseLike<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new Problem(code, undefined, { cause });
  }
}
