import { describe, expect, it } from "vitest";
import { readWorkerSettings, type Variables } from "../../adapters/cloudflare/worker-settings.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";

const sealKey = Buffer.alloc(32, 255);
const complete: Variables = {
  OPENCLAW_PUBLIC_URL: "https://agents.example.org/",
  OPENCLAW_GATEWAY_TOKEN: "gateway-token-for-tests",
  OPENCLAW_ADMIN_TOKEN: "admin-token-for-tests",
  OPENCLAW_PROVISIONING_SEAL_KEY: sealKey.toString("base64url"),
};
const without = (name: keyof Variables): Variables => ({ ...complete, [name]: undefined });

function refusal(variables: Variables): string {
  try {
    readWorkerSettings(variables);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

describe("the Worker's settings", () => {
  it("are the same as in config.json, as text or as JSON, under the variables", () => {
    const config = { gateway: { provisioning: { allowDelete: true, publicUrl: "https://old.example.org" } } };
    for (const OPENCLAW_CONFIG of [config, JSON.stringify(config)]) {
      const { settings } = readWorkerSettings({ ...complete, OPENCLAW_CONFIG, OPENCLAW_PROVISIONING_ENABLED: "true" });
      expect(settings.provisioning).toMatchObject({
        enabled: true,
        allowDelete: true,
        maxAgentsPerKey: 100,
        publicUrl: "https://agents.example.org",
      });
      expect(settings).toMatchObject({
        gatewayTokens: ["gateway-token-for-tests"],
        adminTokens: ["admin-token-for-tests"],
        logLevel: "info",
      });
    }
  });

  it("open the seal key", () => {
    expect(
      readWorkerSettings(complete)
        .sealKeys()
        .map((key) => Buffer.from(key)),
    ).toEqual([sealKey]);
  });

  it("are off by default, and can be switched off over the file", () => {
    expect(readWorkerSettings(complete).settings.provisioning.enabled).toBe(false);
    const OPENCLAW_CONFIG = '{"gateway":{"provisioning":{"enabled":true}}}';
    expect(readWorkerSettings({ ...complete, OPENCLAW_CONFIG }).settings.provisioning.enabled).toBe(true);
    const off = { ...complete, OPENCLAW_CONFIG, OPENCLAW_PROVISIONING_ENABLED: "false" };
    expect(readWorkerSettings(off).settings.provisioning.enabled).toBe(false);
  });

  it("do without an admin token", () => {
    expect(readWorkerSettings(without("OPENCLAW_ADMIN_TOKEN")).settings.adminTokens).toEqual([]);
  });

  it.each(["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_PROVISIONING_SEAL_KEY", "OPENCLAW_PUBLIC_URL"] as const)(
    "say that %s is missing, and what it has to be",
    (name) => {
      expect(refusal(without(name))).toMatch(new RegExp(`^${name} is not set: [^;]{20,}$`));
      expect(refusal({ ...complete, [name]: "" })).toContain(`${name} is not set`);
    },
  );

  it("refuse a gateway token that may be guessed, and take the guide's", () => {
    expect(refusal({ ...complete, OPENCLAW_GATEWAY_TOKEN: "fifteen-letters" })).toMatch(
      /^OPENCLAW_GATEWAY_TOKEN is shorter than 16 characters: .*openssl rand -hex 32/,
    );
    const given = { ...complete, OPENCLAW_GATEWAY_TOKEN: "your-gateway-token-here" };
    expect(readWorkerSettings(given).settings.gatewayTokens).toEqual(["your-gateway-token-here"]);
  });

  it("refuse a second place for the trail, which a Worker would not write to", () => {
    const OPENCLAW_CONFIG = { gateway: { provisioning: { audit: { sink: "syslog" } } } };
    expect(refusal({ ...complete, OPENCLAW_CONFIG })).toMatch(/^gateway\.provisioning\.audit\.sink goes with .* files/);
  });

  it("name everything that is wrong at once", () => {
    const message = refusal({ OPENCLAW_CONFIG: "{" });
    for (const name of ["OPENCLAW_CONFIG", "OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_PROVISIONING_SEAL_KEY"]) {
      expect(message).toContain(name);
    }
  });

  it.each<[string, Variables, RegExp]>([
    ["a short gateway token", { OPENCLAW_GATEWAY_TOKEN: "too-short-x" }, /^OPENCLAW_GATEWAY_TOKEN is shorter/],
    ["a short admin token", { OPENCLAW_ADMIN_TOKEN: "too-short-x" }, /^OPENCLAW_ADMIN_TOKEN is shorter/],
    ["a token with a space", { OPENCLAW_GATEWAY_TOKEN: "a token with spaces" }, /printable ASCII without spaces/],
    [
      "two tokens, one of them short",
      { OPENCLAW_ADMIN_TOKEN: "a-token,and-another-that-is-long" },
      /ADMIN_TOKEN is shorter/,
    ],
    ["one token for both", { OPENCLAW_ADMIN_TOKEN: complete.OPENCLAW_GATEWAY_TOKEN }, /make it another secret/],
    ["31 bytes", { OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(31, 1).toString("base64url") }, /is not 32 bytes/],
    ["plain base64", { OPENCLAW_PROVISIONING_SEAL_KEY: sealKey.toString("base64") }, /is not 32 bytes/],
    ["an unknown setting", { OPENCLAW_CONFIG: { gateway: { provisioning: { nope: 1 } } } }, /unknown setting "nope"/],
    ["a list for settings", { OPENCLAW_CONFIG: "[]" }, /^OPENCLAW_CONFIG: /],
    ["a number for the gateway", { OPENCLAW_CONFIG: { gateway: 7 } }, /^OPENCLAW_CONFIG: gateway/],
    ["neither on nor off", { OPENCLAW_PROVISIONING_ENABLED: "maybe" }, /must be "true" or "false"/],
    [
      "no address",
      { OPENCLAW_PUBLIC_URL: "agents.example.org" },
      /^OPENCLAW_PUBLIC_URL is "agents.example.org"; it must be/,
    ],
    [
      "no address in the file",
      { OPENCLAW_PUBLIC_URL: "", OPENCLAW_CONFIG: { gateway: { provisioning: { publicUrl: "agents" } } } },
      /^OPENCLAW_CONFIG: gateway.provisioning.publicUrl is "agents"/,
    ],
  ])("refuse %s, without showing a secret", (_, fault, expected) => {
    const message = refusal({ ...complete, ...fault });
    expect(message).toMatch(expected);
    for (const secret of [complete.OPENCLAW_ADMIN_TOKEN!, complete.OPENCLAW_PROVISIONING_SEAL_KEY!, "too-short-x"]) {
      expect(message).not.toContain(secret);
    }
  });
});
