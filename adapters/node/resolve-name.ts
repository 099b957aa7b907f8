import { lookup } from "node:dns/promises";
import type { ResolveName } from "../../src/host/found-gateways.ts";

/** As the machine resolves names, `/etc/hosts` included: compose and Kubernetes answer every replica. */
export const resolveName: ResolveName = async (name) => {
  const found = await lookup(name, { all: true });
  return [...new Set(found.map(({ address }) => address))];
};
