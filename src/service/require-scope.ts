import { missingScopes } from "../domain/scope.ts";
import { Problem } from "../errors.ts";
import type { Scope } from "../schema/provisioning-key.ts";
import type { Caller } from "./caller.ts";

/**
 * Requires a scope that the body of a request decides on.
 * @param what is done with it, such as `delete agents`
 * @throws Problem `scope_missing`
 */
export function requireScope(caller: Caller, scope: Scope, what: string): void {
  if (caller.operator || missingScopes(caller.scopes, [scope]).length === 0) return;
  throw new Problem("scope_missing", `To ${what} the scope "${scope}" is needed.`);
}
