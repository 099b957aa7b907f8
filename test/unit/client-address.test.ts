import { describe, expect, it } from "vitest";
import { createClientAddress } from "../../adapters/node/client-address.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";

/** As a proxy sends `X-Forwarded-For`, or sends nothing. */
const by =
  (trustedProxies: string[]) =>
  (socketAddress: string | undefined, forwardedFor?: string): string | undefined =>
    createClientAddress(trustedProxies)(
      socketAddress,
      forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor },
    );

describe("the client's address", () => {
  it("is the socket's where no proxy is trusted, whatever is forwarded", () => {
    const address = by([]);
    expect(address("203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
    expect(address("127.0.0.1", "198.51.100.1, 127.0.0.1")).toBe("127.0.0.1");
    expect(address(undefined, "198.51.100.1")).toBeUndefined();
  });

  it("is an IPv4 address also on a dual-stack listener", () => {
    expect(by([])("::ffff:203.0.113.7", undefined)).toBe("203.0.113.7");
    expect(by([])("::FFFF:203.0.113.7", undefined)).toBe("203.0.113.7");
    expect(by(["10.0.0.1"])("::ffff:10.0.0.1", "::ffff:203.0.113.7")).toBe("203.0.113.7");
    expect(by([])("2001:db8::ffff:1", undefined)).toBe("2001:db8::ffff:1");
  });

  const proxied = by(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);

  it.each([
    ["10.1.2.3", "203.0.113.7", "203.0.113.7"],
    ["10.1.2.3", "203.0.113.7, 10.9.9.9, 192.0.2.1", "203.0.113.7"],
    ["2001:db8::1", "203.0.113.7", "203.0.113.7"],
    ["192.0.2.1", "2001:db9::5, 2001:db8::2", "2001:db9::5"],
    // Everything is a proxy of ours: the outermost is all that is known.
    ["10.1.2.3", "10.4.4.4, 10.5.5.5", "10.4.4.4"],
    ["10.1.2.3", undefined, "10.1.2.3"],
  ])("from %s, forwarded for %s, is %s", (socket, forwarded, expected) => {
    expect(proxied(socket, forwarded)).toBe(expected);
  });

  it("is never what the client itself put in front", () => {
    // The proxy appends the address it saw; what stands before it came from the client.
    expect(proxied("10.1.2.3", "10.0.0.1, 127.0.0.1, 203.0.113.7")).toBe("203.0.113.7");
    expect(proxied("203.0.113.7", "10.0.0.1")).toBe("203.0.113.7");
    expect(proxied("192.0.2.2", "203.0.113.7")).toBe("192.0.2.2");
  });

  it.each(["unknown", "unix:", "203.0.113.7:port", "_hidden", "203.0.113.7; DROP", "[2001:db9::1", "[203.0.113]:1"])(
    "stays the proxy's where the hop is %j",
    (hop) => {
      expect(proxied("10.1.2.3", hop)).toBe("10.1.2.3");
      expect(proxied("10.1.2.3", `198.51.100.1, ${hop}`)).toBe("10.1.2.3");
    },
  );

  it.each([
    ["203.0.113.7:1234", "203.0.113.7"],
    ["[2001:db9::5]", "2001:db9::5"],
    ["[2001:db9::5]:443", "2001:db9::5"],
    ['"[2001:db9::5]:443"', "2001:db9::5"],
    ["2001:db9::5", "2001:db9::5"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["[::ffff:203.0.113.7]:80", "203.0.113.7"],
    ["  203.0.113.7  ,, 10.9.9.9:80 ,\t, ", "203.0.113.7"],
    [",203.0.113.7,", "203.0.113.7"],
    ['"a, 203.0.113.7', "203.0.113.7"],
  ])("is read from X-Forwarded-For: %s", (forwarded, expected) => {
    expect(proxied("10.1.2.3", forwarded)).toBe(expected);
    expect(proxied("10.1.2.3", `198.51.100.1, ${forwarded}`)).toBe(expected);
  });

  it.each([
    ["for=203.0.113.7", "203.0.113.7"],
    ["for=203.0.113.7;proto=https;by=10.1.2.3", "203.0.113.7"],
    ["by=10.1.2.3; For = 203.0.113.7:4711", "203.0.113.7"],
    ['for="[2001:db9::1]:4711"', "2001:db9::1"],
    ['FOR="[2001:db9::1]"; host="example.org", for=10.9.9.9', "2001:db9::1"],
    ['for="a, for=203.0.113.7', "203.0.113.7"],
    ['for="a, for="203.0.113.7:80"', "203.0.113.7"],
    ['for=198.51.100.1, for="203.0.113.7:80" , , for=10.9.9.9', "203.0.113.7"],
    ["for=unknown", "10.1.2.3"],
    ["for=198.51.100.1, for=_secret", "10.1.2.3"],
    ["for=198.51.100.1, proto=https", "10.1.2.3"],
    ['for="203.0.113.7', "10.1.2.3"],
    ["", "10.1.2.3"],
  ])("is read from Forwarded: %s", (forwarded, expected) => {
    const address = createClientAddress(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);
    expect(address("10.1.2.3", { forwarded })).toBe(expected);
    // A proxy that writes the older field leaves this one as the client sent it.
    expect(address("10.1.2.3", { forwarded, "x-forwarded-for": "192.0.2.77" })).toBe("192.0.2.77");
    expect(address("203.0.113.99", { forwarded })).toBe("203.0.113.99");
  });

  it.each([
    "proxy.internal",
    "10.0.0.0/33",
    "2001:db8::/129",
    "10.0.0.0/",
    "10.0.0.0/8/9",
    "10.0.0/8",
    "",
    "10.0.0.0/-1",
  ])("a trusted proxy %j stops the start", (entry) => {
    expect(() => createClientAddress([entry])).toThrow(SettingsError);
    expect(() => createClientAddress([entry])).toThrow(`trustedProxies has "${entry}"`);
  });
});
