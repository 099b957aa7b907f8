import { describe, expect, it } from "vitest";
import { createClientAddress } from "../../adapters/node/client-address.ts";
import { SettingsError } from "../../src/settings.ts";

describe("the client's address", () => {
  it("is the socket's where no proxy is trusted, whatever is forwarded", () => {
    const address = createClientAddress([]);
    expect(address("203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
    expect(address("127.0.0.1", "198.51.100.1, 127.0.0.1")).toBe("127.0.0.1");
    expect(address(undefined, "198.51.100.1")).toBeUndefined();
  });

  it("is an IPv4 address also on a dual-stack listener", () => {
    expect(createClientAddress([])("::ffff:203.0.113.7", undefined)).toBe("203.0.113.7");
    expect(createClientAddress([])("::FFFF:203.0.113.7", undefined)).toBe("203.0.113.7");
    expect(createClientAddress(["10.0.0.1"])("::ffff:10.0.0.1", "::ffff:203.0.113.7")).toBe("203.0.113.7");
    expect(createClientAddress([])("2001:db8::ffff:1", undefined)).toBe("2001:db8::ffff:1");
  });

  const proxied = createClientAddress(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);

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

  it.each(["unknown", "", "203.0.113.7:1234", "_hidden", "203.0.113.7; DROP", " , "])(
    "stays the proxy's where the hop is %j",
    (hop) => {
      expect(proxied("10.1.2.3", hop)).toBe("10.1.2.3");
      expect(proxied("10.1.2.3", `198.51.100.1, ${hop}`)).toBe("10.1.2.3");
    },
  );

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
