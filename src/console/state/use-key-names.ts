import type * as z from "zod/mini";
import type { ProvisioningKeyList } from "../../schema/provisioning-key.ts";
import { may, useCaller } from "./caller.ts";
import { useQuery } from "./use-query.ts";

/** The names that people gave the keys, which stand in lists by their ids. Only an administrator may ask for all. */
export function useKeyNames(): ReadonlyMap<string, string> {
  const caller = useCaller();
  const isAdmin = may(caller, "provisioning:admin");
  const list = useQuery<z.infer<typeof ProvisioningKeyList>>(isAdmin ? "/provisioning/agent-keys" : undefined);
  return new Map(list.data?.keys.map(({ id, name }) => [id, name]));
}
