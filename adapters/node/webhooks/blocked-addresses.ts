import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { allowedRanges } from "../../../src/domain/webhook-address.ts";
import { unmappedAddress } from "../unmapped-address.ts";

/** https://www.iana.org/assignments/iana-ipv4-special-registry: what is not the public network. */
const blocked4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Only 2000::/3 is public; inside it, tunnels that carry an IPv4 address, and documentation. */
const blocked6 = [
  "::/3",
  "4000::/2",
  "8000::/1",
  "2001::/32",
  "2001:2::/48",
  "2001:10::/28",
  "2001:20::/28",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
];

/** Two lists, for in one of both an IPv4 address is looked for among the IPv6 ones too, as `::ffff:0:0/96`. */
function coveredBy(ranges: readonly { address: string; bits: number }[]): (address: string) => boolean {
  const [list4, list6] = [new BlockList(), new BlockList()];
  for (const { address, bits } of ranges) {
    if (isIPv6(address)) list6.addSubnet(address, bits, "ipv6");
    else list4.addSubnet(address, bits, "ipv4");
  }
  return (address) => {
    const one = unmappedAddress(address);
    return isIPv4(one) ? list4.check(one, "ipv4") : isIPv6(one) && list6.check(one, "ipv6");
  };
}

const isBlocked = coveredBy(allowedRanges([...blocked4, ...blocked6]));

/** Addresses inside the network are refused, unless an operator's range covers them. */
export interface AddressRules {
  /** Whether a webhook may be sent to this address, in the notation of a resolver or a URL. */
  isAllowed(address: string): boolean;
  /** Whether an operator's range covers it. */
  isInRange(address: string): boolean;
}

/** @param allow entries of `webhooks.allow`, of which ranges count here */
export function addressRules(allow: readonly string[]): AddressRules {
  const isInRange = coveredBy(allowedRanges(allow));
  return { isInRange, isAllowed: (address) => isIP(address) !== 0 && (isInRange(address) || !isBlocked(address)) };
}
