import { BlockList, isIP } from "node:net";
import { SettingsError } from "../../src/settings.ts";

/** A socket's peer on a dual-stack listener reads `::ffff:127.0.0.1`. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/**
 * The client's address: the socket's or, behind the configured proxies, the right-most hop of `X-Forwarded-For`
 * that is none of them. What stands further left is the client's own word.
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
        `config.json: gateway.provisioning.trustedProxies has "${entry}"; use an address or a range, as in 10.0.0.0/8`,
      );
    }
    if (bits === undefined) trusted.addAddress(address, family(address));
    else trusted.addSubnet(address, Number(bits), family(address));
  }
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, family(address));

  return (socketAddress: string | undefined, forwardedFor: string | undefined): string | undefined => {
    let address = socketAddress === undefined ? undefined : plain(socketAddress);
    const hops = forwardedFor?.split(",").map((hop) => plain(hop.trim())) ?? [];
    while (address !== undefined && isTrusted(address) && hops.length > 0) {
      const hop = hops.pop()!;
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}
