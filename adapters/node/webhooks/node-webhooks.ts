import { lookup as systemLookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import type { Agent } from "undici";
import { faultOfWebhookUrl, hostOf, isListed, refusalOf } from "../../../src/domain/webhook-address.ts";
import { Problem } from "../../../src/errors.ts";
import type { WebhookTransport } from "../../../src/ports.ts";
import { addressRules } from "./blocked-addresses.ts";

interface Resolved {
  address: string;
  family: number;
}

/** The operator's exceptions, and the resolver whose answer is connected to. */
export interface NodeWebhooksOptions {
  /** `gateway.provisioning.webhooks.allow`, as it is now. */
  allow: () => readonly string[];
  /** Replaces the system's resolver. */
  lookup?: ((host: string) => Promise<Resolved[]>) | undefined;
}

/** Most deployments have no webhook, and need not wait for it at the start. */
const undici = () => import("../undici.ts");

const resolve = (host: string): Promise<Resolved[]> => systemLookup(host, { all: true, verbatim: true });

/** Connections are kept to this many origins. */
const mostOrigins = 64;
const idleMs = 10_000;

/**
 * A name is resolved once an attempt, and what was checked is what is connected to: by the time of a second look its
 * owner may have it point inside the network.
 */
export function createNodeWebhooks({ allow, lookup = resolve }: NodeWebhooksOptions): WebhookTransport & {
  close(): Promise<void>;
} {
  const agents = new Map<string, { pinned: string; agent: Agent }>();
  const lookups = new Map<string, Promise<Resolved[]>>();

  /** The system looks for two names at a time: one whose servers are silent is to leave room for the providers'. */
  function resolved(host: string): Promise<Resolved[]> {
    const underWay = lookups.get(host) ?? lookup(host).finally(() => lookups.delete(host));
    lookups.set(host, underWay);
    return underWay;
  }

  /** @throws Problem `webhook_not_allowed` */
  function readable(text: string, allowed: readonly string[]): URL {
    const url = new URL(text);
    const fault = faultOfWebhookUrl(url, allowed);
    if (fault) throw new Problem("webhook_not_allowed", refusalOf(url, fault));
    return url;
  }

  /** @throws Problem `webhook_not_allowed`; whatever the resolver throws */
  async function checked(text: string): Promise<{ url: URL; addresses: Resolved[] }> {
    const allowed = allow();
    const url = readable(text, allowed);
    const host = hostOf(url).replace(/^\[|\]$/g, "");
    const addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await resolved(host);
    if (isListed(url, allowed)) return { url, addresses };
    const rules = addressRules(allowed);
    // One of several is enough to lead inside: which of them is used is not ours to choose.
    if (addresses.length === 0 || !addresses.every(({ address }) => rules.isAllowed(address)))
      throw new Problem("webhook_not_allowed", refusalOf(url, "private"));
    if (url.protocol === "http:" && !addresses.every(({ address }) => rules.isInRange(address)))
      throw new Problem("webhook_not_allowed", refusalOf(url, "scheme"));
    return { url, addresses };
  }

  function agentFor(Made: typeof Agent, url: URL, addresses: readonly Resolved[]): Agent {
    const pinned = JSON.stringify(addresses);
    const known = agents.get(url.origin);
    if (known?.pinned === pinned) return known.agent;
    const agent = new Made({
      connect: { lookup: pinnedLookup(addresses), timeout: idleMs },
      keepAliveTimeout: idleMs,
      connections: 16,
    });
    if (!known && agents.size >= mostOrigins) drop(agents.keys().next().value!);
    if (known) drop(url.origin);
    agents.set(url.origin, { pinned, agent });
    return agent;
  }

  function drop(origin: string): void {
    const { agent } = agents.get(origin)!;
    agents.delete(origin);
    // The deliveries under way end by themselves, in time.
    agent.close().catch(() => undefined);
  }

  return {
    async check(text) {
      // One that is listed may be up later than we are.
      if (isListed(readable(text, allow()), allow())) return;
      try {
        await checked(text);
      } catch (cause) {
        if (cause instanceof Problem) throw cause;
        const { host } = new URL(text);
        throw new Problem("webhook_not_allowed", `The webhook's host (${host}) cannot be resolved; correct its name.`, {
          cause,
        });
      }
    },

    async post(text, { headers, body, signal }) {
      const { url, addresses } = await unlessAborted(checked(text), signal);
      const { Agent, request } = await undici();
      const dispatcher = agentFor(Agent, url, addresses);
      const answer = await request(url, { method: "POST", dispatcher, headers, body, signal });
      // Nothing of it is read: shown to whoever set the address, it would be a look inside the network.
      await answer.body.dump({ limit: 65_536, signal }).catch(() => undefined);
      const { "retry-after": retryAfter } = answer.headers;
      return { status: answer.statusCode, retryAfter: typeof retryAfter === "string" ? retryAfter : undefined };
    },

    async close() {
      await Promise.all([...agents.values()].map(({ agent }) => agent.destroy()));
      agents.clear();
    },
  };
}

/** A resolver takes no signal. @throws the signal's reason */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener("abort", abort));
}

const pinnedLookup =
  (addresses: readonly Resolved[]): LookupFunction =>
  (_host, { all }, done) => {
    if (all) return done(null, [...addresses]);
    const [{ address, family }] = addresses as [Resolved];
    done(null, address, family);
  };
