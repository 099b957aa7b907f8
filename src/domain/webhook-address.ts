/** The setting that allows an address which is refused otherwise. */
const allowSetting = "gateway.provisioning.webhooks.allow";

/** Whether an address is spelled so that every reader finds the same host in it: see `isPlainAddress`. */
export const isPlainWebhookUrl = (text: string): boolean =>
  /^https?:\/\/(\[[0-9a-f:.]+\]|[\p{L}\p{N}._-]+)(:\d{1,5})?(\/[^\s\\?#\p{C}]*)?(\?[^\s\\#\p{C}]*)?$/iu.test(text) &&
  URL.canParse(text);

const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i;
const rangeForm = /^([0-9a-f:.]+)\/(\d{1,3})$/i;

/** One entry of the allow-list: `host:port`, or a range of addresses in CIDR notation. */
export function isAllowEntry(text: string): boolean {
  const range = rangeForm.exec(text);
  if (range) {
    const [, address, bits] = range;
    const isV6 = address!.includes(":");
    const isAddress = isV6 ? URL.canParse(`http://[${address}]/`) : /^(\d{1,3}\.){3}\d{1,3}$/.test(address!);
    return isAddress && URL.canParse(`http://${isV6 ? `[${address}]` : address}/`) && Number(bits) <= (isV6 ? 128 : 32);
  }
  const host = hostForm.exec(text);
  return host !== null && Number(host[2]) >= 1 && Number(host[2]) <= 65_535 && URL.canParse(`http://${text}/`);
}

/** A CIDR range: the leading `bits` of the address. */
export interface AllowedRange {
  address: string;
  bits: number;
}

/** The ranges among the entries of `webhooks.allow`; those of hosts are left out. */
export const allowedRanges = (allow: readonly string[]): AllowedRange[] =>
  allow.flatMap((text) => {
    const [, address, bits] = rangeForm.exec(text) ?? [];
    return address === undefined ? [] : [{ address, bits: Number(bits) }];
  });

const portOf = ({ protocol, port }: URL): number => (port === "" ? (protocol === "https:" ? 443 : 80) : Number(port));

/** A name with a dot at its end is the same name. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/\.$/, "");

/** The entry of the allow-list that allows this address. */
const entryFor = (url: URL): string => `${hostOf(url)}:${portOf(url)}`;

/** Whether the allow-list names this very host and port. */
export function isListed(url: URL, allow: readonly string[]): boolean {
  const own = entryFor(url);
  return allow.some((text) => {
    const [, host, port] = hostForm.exec(text) ?? [];
    // The URL's own reading of a literal stands for every notation of it.
    return host !== undefined && `${hostOf(new URL(`http://${host}`))}:${Number(port)}` === own;
  });
}

export type AddressFault =
  | "scheme"
  | "credentials"
  | "port"
  /** It is, or leads to, an address inside a network. */
  | "private";

/** Only what every runtime can tell from the text; `isListed` lifts scheme and port. */
export function faultOfWebhookUrl(url: URL, allow: readonly string[]): AddressFault | undefined {
  if (url.username !== "" || url.password !== "") return "credentials";
  if (isListed(url, allow)) return undefined;
  const port = portOf(url);
  const isPortAllowed = port === 443 || port === 8443 || port >= 1024;
  // Plain HTTP waits for the addresses: one inside an allowed range may take it.
  if (url.protocol === "http:") return allowedRanges(allow).length === 0 ? "scheme" : undefined;
  return isPortAllowed ? undefined : "port";
}

/** Asked by runtimes without name resolution of their own: whether the name may be anything but a public one. */
export function isPrivateName(url: URL): boolean {
  const host = hostOf(url);
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) return true;
  if (!host.includes(".")) return true;
  return /(^|\.)(localhost|local|internal|localdomain|lan|home\.arpa|onion)$/.test(host);
}

const reasons: Record<AddressFault, string> = {
  scheme: "is not https",
  credentials: "carries credentials",
  port: "has a port that is neither 443, 8443 nor 1024 and above",
  private: "is inside a private network, or may be",
};

/** One sentence for the operator, with the setting that allows it. It repeats the host alone: a path may be a secret. */
export function refusalOf(url: URL, fault: AddressFault): string {
  const subject = `The webhook's address (${url.protocol}//${url.host})`;
  if (fault === "credentials") return `${subject} ${reasons[fault]}; leave them out, since deliveries are signed.`;
  return `${subject} ${reasons[fault]}; if it is meant, add "${entryFor(url)}" to ${allowSetting}.`;
}
