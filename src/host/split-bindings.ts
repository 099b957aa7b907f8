import type { BindResult } from "../ports.ts";

/** The wanted bindings that an agent does not have yet, and those that it has. */
export function splitBindings(held: readonly string[], wanted: readonly string[]): BindResult {
  const unique = [...new Set(wanted)];
  return {
    added: unique.filter((binding) => !held.includes(binding)),
    updated: [],
    skipped: unique.filter((binding) => held.includes(binding)),
    conflicts: [],
  };
}
