import { describe, expect, it } from "vitest";
import { readWorkerSettings } from "../../adapters/cloudflare/worker-settings.ts";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { describeFailure } from "../../src/cli/failure.ts";
import { apiBase } from "../../src/client/address.ts";
import { withoutPassword } from "../../src/domain/plain-address.ts";
import { AddAiProvider } from "../../src/schema/ai-provider.ts";
import { OnboardAgent } from "../../src/schema/onboard-agent.ts";
import { HttpUrl } from "../../src/schema/primitives.ts";
import { parseSettings } from "../../src/settings.ts";

const password = "not-a-real-pw";
/** The spellings that `new URL` takes, or a person would write, for an address with credentials or one in disguise. */
const spellings = [
  `https://user:${password}@h.example`,
  "https://user@h.example",
  "https://@h.example",
  "https://:@h.example",
  `https://:${password}@h.example`,
  `https:user:${password}@h.example`,
  `https:/user:${password}@h.example`,
  `https:///user:${password}@h.example`,
  `https:\\\\user:${password}@h.example`,
  `https:/\\user:${password}@h.example`,
  `https://user:${password}\\@h.example`,
  "https://h.example\\@other.example",
  `https://us\ter:${password}@h.example`,
  `ht\ntps://user:${password}@h.example`,
  `https://us\r\ner:${password}@h.example`,
  ` https://user:${password}@h.example`,
  `https://user:${password}@h.example `,
  `\u0000https://user:${password}@h.example`,
  `https://user%40:${password}@h.example`,
  `https://user%40h.example`,
  `https://user:${password}%40h.example`,
  `https://user:${password}\uff20h.example`,
  `HTTPS://user:${password}@h.example`,
  `https://user:pass/word@h.example@x`,
  `https://user:${password}@[::1]:8080/v1`,
  "https://h.example?key=x",
  "https://h.example#x",
  "https://h.example/a?b",
  "https://h.example/\u202ea",
  "ftp://h.example",
  "//h.example",
  "h.example",
  "",
];
const plain = [
  "https://h.example",
  "http://127.0.0.1:18789",
  "http://[::1]:8080/v1",
  "https://api.example.org/openai/v1",
  "https://gateway.example.org/v1/accounts/@me/x",
  "HTTP://Localhost:1/a%20b",
  "http://litellm_proxy:4000",
  "https://b\u00fccher.example",
];

const settings = (provisioning: object) => () => parseSettings({ gateway: { provisioning } }, "config.json");
const jwks = { issuer: "https://i.example", audience: "a", algorithms: ["ES256"] };

/** Every place where an address is taken. Each throws for one that it refuses. */
const places: Record<string, (address: string) => unknown> = {
  "a base URL": (address) => HttpUrl.parse(address),
  "an AI provider's baseUrl": (baseUrl) => AddAiProvider.parse({ provider: "my-llm", name: "x", key: "k", baseUrl }),
  "an onboarding's baseUrl": (baseUrl) =>
    OnboardAgent.parse({ steps: ["auth"], auth: { provider: "x", credentials: { apiKey: "k" }, baseUrl } }),
  "a gateway's url": (url) => settings({ host: { gateways: [{ id: "g", url, token: "t", key: "k" }] } })(),
  "a JWKS url": (url) => settings({ auth: { jwks: { ...jwks, url } } })(),
  "an issuer whose JWKS url follows from it": (issuer) => settings({ auth: { jwks: { ...jwks, issuer } } })(),
  publicUrl: (publicUrl) => settings({ publicUrl })(),
  OPENCLAW_PUBLIC_URL: (url) => {
    if (url === "") throw new Error("left out");
    return readNodeSettings({
      OPENCLAW_STATE_DIR: "/nonexistent",
      OPENCLAW_GATEWAY_TOKEN: "t".repeat(20),
      OPENCLAW_PUBLIC_URL: url,
    });
  },
  "the Worker's OPENCLAW_PUBLIC_URL": (url) => {
    if (url === "") throw new Error("left out");
    return readWorkerSettings({
      OPENCLAW_PUBLIC_URL: url,
      OPENCLAW_GATEWAY_TOKEN: "gateway-token-for-tests",
      OPENCLAW_ADMIN_TOKEN: "admin-token-for-tests",
      OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(32, 255).toString("base64url"),
    });
  },
  "--url": (address) => apiBase(address),
};

describe.each(Object.entries(places))("%s", (_, take) => {
  it.each(spellings)("is refused as %j, and its password is not repeated", (address) => {
    let message = "";
    try {
      take(address);
    } catch (error) {
      message = String(error);
    }
    expect(message).not.toBe("");
    expect(message).not.toContain(password);
  });

  it.each(plain)("is taken as %j", (address) => {
    expect(() => take(address)).not.toThrow();
  });
});

it("a long text without a password is read in a time of its length", () => {
  const begun = performance.now();
  expect(withoutPassword("x".repeat(200_000))).toHaveLength(200_000);
  expect(withoutPassword(`https://user:${"x".repeat(200_000)}@h.example`)).toBe("https://...@h.example");
  expect(describeFailure(new Error(`a${"\t".repeat(200_000)}b\n c`))).toHaveLength(1_200_004);
  expect(performance.now() - begun).toBeLessThan(2_000);
});
