import { BlockList, isIP } from "node:net";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { unmappedAddress } from "./unmapped-address.ts";

const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, each in quotes or not. */
function addressIn(node: string): string {
  const bare = node.trim().replace(/^"(.*)"$/, "$1");
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/.exec(bare) ?? [];
  return unmappedAddress(bracketed ?? dotted ?? bare);
}

/**
 * An empty element says nothing (RFC 9110, 5.6.1). A comma in quotes ends one as well: a client that sends an opening
 * quote must not swallow what the proxy writes behind it.
 */
const elements = (list: string): string[] => list.split(",").filter((one) => one.trim() !== "");

/** RFC 7239: `for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"`; an element without one is a hop that hides itself. */
function forwardedFor(element: string): string {
  for (const pair of element.split(";")) {
    const [, node] = /^\s*for\s*=(.*)$/i.exec(pair) ?? [];
    if (node !== undefined) return node;
  }
  return "";
}

export interface ForwardedFields {
  "x-forwarded-for"?: string | string[] | undefined;
  forwarded?: string | undefined;
}

/** A proxy writes one of the two, and the client may have sent the other: `X-Forwarded-For` counts where there is one. */
function hopsOf({ "x-forwarded-for": list, forwarded }: ForwardedFields): string[] {
  if (list !== undefined) return elements(String(list)).map(addressIn);
  return elements(forwarded ?? "").map((element) => addressIn(forwardedFor(element)));
}

/**
 * The client's address: the socket's or, behind the configured proxies, the right-most hop of `X-Forwarded-For` (or of
 * `Forwarded`) that is none of them. The hops further left are the client's own word.
 *
 * @throws SettingsError for an entry that is neither an address nor a range
 */
export function createClientAddress(trustedProxies: readonly string[]) {
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [address = "", bits, ...rest] = entry.split("/");
    const width = isIP(address) === 6 ? 128 : 32;
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
    if (isIP(address) === 0 || !isRange || rest.length > 0) {
      throw new SettingsError(
        `gateway.provisioning.trustedProxies has "${entry}"; use an address or a range, as in 10.0.0.0/8`,
      );
    }
    if (bits === undefined) trusted.addAddress(address, family(address));
    else trusted.addSubnet(address, Number(bits), family(address));
  }
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, family(address));

  return (socketAddress: string | undefined, fields: ForwardedFields): string | undefined => {
    let address = socketAddress === undefined ? undefined : unmappedAddress(socketAddress);
    if (trustedProxies.length === 0 || address === undefined || !isTrusted(address)) return address;
    const hops = hopsOf(fields);
    while (isTrusted(address) && hops.length > 0) {
      const hop = hops.pop()!;
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}
