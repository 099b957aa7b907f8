import { wrongUsage } from "./failure.ts";

/** @throws CommandFailure, with exit code 2, for another value than these */
export function oneOf<Value extends string>(
  flag: string,
  text: string | undefined,
  values: readonly Value[],
): Value | undefined {
  const known = values.find((value) => value === text);
  if (text !== undefined && known === undefined) throw wrongUsage(`${flag} must be one of ${values.join(", ")}`);
  return known;
}
