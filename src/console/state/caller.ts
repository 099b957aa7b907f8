import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ConsoleCaller } from "../../schema/console.ts";
import type { Scope } from "../../schema/provisioning-key.ts";

/** The caller who is signed in. */
export const CallerContext = createContext<ConsoleCaller | undefined>(undefined);

/**
 * The signed-in caller, with scopes and the features of the deployment.
 * @throws Error outside of the signed-in part of the page
 */
export function useCaller(): ConsoleCaller {
  const caller = useContext(CallerContext);
  if (!caller) throw new Error("nobody is signed in");
  return caller;
}

/** Whether the API would let the caller; the API decides, and this hides what it would refuse. */
export const may = (caller: ConsoleCaller, scope: Scope): boolean => caller.scopes.includes(scope);
