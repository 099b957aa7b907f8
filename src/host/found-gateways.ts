import { createClient } from "../client/client.ts";
import { isFresh } from "../domain/is-fresh.ts";
import { type Gateway, type GatewaySettings, type GatewayTools, openGateway } from "./gateway.ts";
import { lostGateway } from "./lost-gateway.ts";

/** Gateways behind one name of DNS: a headless service, or the replicas of a compose service. */
export interface FoundGatewaySettings extends Omit<GatewaySettings, "url"> {
  /** Stands before each one's own id: `agents-5f0c21d9ab`. */
  id: string;
  /** Each of its addresses is one gateway. */
  dns: string;
  port: number;
}

/** Every address of a name. @throws where it has none, or cannot be asked for */
export type ResolveName = (name: string) => Promise<readonly string[]>;

/** The gateways behind a name of DNS, which come and go. */
export interface FoundGateways {
  all(): readonly Gateway[];
  /** One of them, though it may be away now. */
  find(id: string): Gateway | undefined;
  /** Looks for others, unless that was done just now. */
  refresh(): Promise<void>;
}

interface Found {
  address: string;
  gateway: Gateway;
}

/** A replica that is added is used within this time and that of a count. */
const lookMs = 10_000;
const identifyMs = 2_000;

/**
 * An address says nothing of who is there: after a restart another may have it. So each is asked for its own id, by which
 * agents are on record, and every call names the id that it means.
 */
export function findGateways(
  settings: FoundGatewaySettings,
  tools: GatewayTools & { resolve: ResolveName },
): FoundGateways {
  const { id: prefix, dns, port, ...common } = settings;
  const { clock, log, fetch, resolve } = tools;
  const found = new Map<string, Found>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let failing = false;

  const urlOf = (address: string): string => `http://${address.includes(":") ? `[${address}]` : address}:${port}`;

  async function identify(address: string): Promise<string | undefined> {
    const client = createClient({
      url: urlOf(address),
      token: common.token,
      provisioningKey: common.key,
      fetch,
      timeoutMs: identifyMs,
      retries: 0,
    });
    try {
      const { gateways } = await client.gateways.list();
      // One that has several is a control plane, and none of ours. The JSON of other services has no such list.
      return gateways.length === 1 ? gateways[0]!.id : undefined;
    } catch (cause) {
      log("warn", "an address of a gateway's name does not say which gateway it is", { dns, address, cause });
      return undefined;
    }
  }

  async function addresses(): Promise<readonly string[] | undefined> {
    try {
      const all = await resolve(dns);
      if (failing) log("info", "the gateways' name is found again", { dns });
      failing = false;
      return all;
    } catch (cause) {
      // Those that were found are there still, for all that is known.
      if (!failing) log("warn", "the gateways' name is not found", { dns, cause });
      failing = true;
      return undefined;
    }
  }

  async function look(): Promise<void> {
    const now = await addresses();
    if (!now) return;
    const known = [...found.values()];
    const settled = new Set(known.map(({ address }) => address));
    // One that has left its address may have taken another's.
    if (known.every(({ gateway }) => gateway.isReachable) && now.every((address) => settled.has(address))) return;
    const there = await Promise.all(now.map(async (address) => ({ address, own: await identify(address) })));
    for (const { address, own } of there) {
      if (own === undefined) continue;
      const id = `${prefix}-${own}`;
      const before = found.get(id)?.address;
      // One may have several, of IPv4 and IPv6: what is known of it stays while it answers where it was.
      if (there.some((one) => one.address === before && one.own === own)) continue;
      log("info", "a gateway was found", { gateway: id, address });
      for (const [other, one] of found) {
        if (one.address === address && one.gateway.agents === 0) found.delete(other);
      }
      found.set(id, { address, gateway: openGateway({ ...common, id, url: urlOf(address), meant: own }, tools) });
    }
    for (const [id, { address, gateway }] of found) {
      // One that is gone with agents is shown as silent; without any there is nothing to tell.
      if (!now.includes(address) && gateway.agents === 0) found.delete(id);
    }
  }

  return {
    all: () => [...found.values()].map(({ gateway }) => gateway),
    find: (id) => found.get(id)?.gateway ?? (id.startsWith(`${prefix}-`) ? lostGateway(id, dns) : undefined),
    async refresh() {
      const now = clock.now();
      if (isFresh(lookedAt, now, lookMs)) return;
      // A caller that comes meanwhile goes by what is known. Before the first look there is nothing to go by.
      if (Number.isFinite(lookedAt)) lookedAt = now;
      await look();
      lookedAt = now;
    },
  };
}
