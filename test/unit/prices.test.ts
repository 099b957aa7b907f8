import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { priceCheck } from "../../adapters/node/price-check.ts";
import { reloadSettings } from "../../adapters/node/reload-settings.ts";
import { freshDays } from "../../src/domain/price-age.ts";
import type { Crypto } from "../../src/ports.ts";
import { priceTable } from "../../src/prices/table.ts";
import { createPrices } from "../../src/service/prices/prices.ts";
import { parseSettings, type Settings } from "../../src/settings.ts";
import { statedPrices } from "../../src/storage/ledger-names.ts";

const crypto: Crypto = {
  sha256: (text) => hash("sha256", text, "hex"),
  randomBytes: (length) => new Uint8Array(length),
};
const settingsOf = (prices: object = {}): Settings => ({
  provisioning: {
    ...parseSettings({ gateway: { provisioning: { prices } } }, "test").provisioning,
    publicUrl: "http://127.0.0.1:0",
  },
  logLevel: "info",
  gatewayTokens: [],
  adminTokens: [],
});
const row = (input: number) => ({ provider: "openai", model: "gpt-4o", input, output: 1 });

/** Two instances over one store. */
function deployment(prices: object = {}) {
  let now = Date.parse("2026-11-29T12:00:00Z");
  let text: string | undefined;
  let reads = 0;
  const settings = settingsOf(prices);
  const ledger = {
    get: async (name: string) => {
      expect(name).toBe(statedPrices);
      reads += 1;
      return text;
    },
  };
  const open = () => createPrices({ ledger, clock: { now: () => now }, crypto, settings });
  return {
    settings,
    clock: { now: () => now },
    one: open(),
    other: open(),
    pass: (ms: number) => {
      now += ms;
    },
    state: (rows: object[]) => {
      text = JSON.stringify(rows);
    },
    damage: (with_: string) => {
      text = with_;
    },
    reads: () => reads,
  };
}

describe("prices at work", () => {
  it("are those that another instance set, a second later at most", async () => {
    const { one, other, state, pass } = deployment();
    expect((await one.current()).priceOf("openai", "gpt-4o")?.input).toBe(2_500_000);
    state([row(7)]);
    expect((await other.reload()).priceOf("openai", "gpt-4o")?.input).toBe(7_000_000);
    pass(1000);
    expect((await one.current()).priceOf("openai", "gpt-4o")?.input).toBe(7_000_000);
  });

  it("are not read from the store again within the second", async () => {
    const { one, pass, reads } = deployment();
    const first = await one.current();
    pass(999);
    // Not even a promise: it is asked for by every metered call.
    expect(one.current()).toBe(first);
    expect(reads()).toBe(1);
    pass(1);
    expect(await one.current()).toBe(first);
    expect(reads()).toBe(2);
  });

  it("follow the settings when those are loaded anew, below what the API set", async () => {
    const { one, settings, state, pass } = deployment({ rows: [row(4)] });
    expect((await one.current()).priceOf("openai", "gpt-4o")?.input).toBe(4_000_000);
    const { changed, needRestart } = reloadSettings(settings, settingsOf({ rows: [row(5)], unknown: "highest" }));
    expect([changed, needRestart]).toEqual([["gateway.provisioning.prices"], []]);
    const next = await one.current();
    expect([next.priceOf("openai", "gpt-4o")?.input, next.unknown]).toEqual([5_000_000, "highest"]);
    state([row(6)]);
    pass(1000);
    expect((await one.current()).priceOf("openai", "gpt-4o")?.input).toBe(6_000_000);
  });

  it("change at the midnight from which a price was announced", async () => {
    const { one, pass } = deployment();
    const input = async () => (await one.current()).priceOf("gemini", "gemini-3.8-flash")?.input;
    pass(Date.parse("2026-12-31T23:59:59.500Z") - Date.parse("2026-11-29T12:00:00Z"));
    expect(await input()).toBe(750_000);
    pass(500);
    expect(await input()).toBe(1_500_000);
  });

  it("have a hash that is the same for the same prices only", async () => {
    const { one, state } = deployment();
    const before = (await one.reload()).hash;
    state([row(7)]);
    const after = (await one.reload()).hash;
    state([]);
    expect(after).toMatch(/^[0-9a-f]{64}$/);
    expect(after).not.toBe(before);
    expect((await one.reload()).hash).toBe(before);
  });

  it.each(['[{"provider":"openai","model":"gpt-4o","input":-1,"output":1}]', '{"rows":[]}', "{"])(
    "are refused where the store has %s",
    async (text) => {
      const { one, damage } = deployment();
      damage(text);
      await expect(one.reload()).rejects.toMatchObject({ code: "store_unreadable" });
    },
  );
});

describe("settings of prices", () => {
  const parse = (prices: unknown) => parseSettings({ gateway: { provisioning: { prices } } }, "config.json");

  it("refuse an unknown model by default", () => {
    expect(parse({}).provisioning.prices).toEqual({ unknown: "refuse", rows: [] });
  });

  it.each([
    [{ unknown: "free" }, "gateway.provisioning.prices.unknown"],
    [{ rows: [{ provider: "openai", model: "gpt-4o", input: 1.0000001, output: 1 }] }, "rows.0.input is 1.0000001"],
    [{ rows: [{ provider: "openai", model: "gpt-4o", input: 1 }] }, "rows.0.output"],
    [{ rows: [{ provider: "openai", model: "gpt-4o", input: 1, output: 1, image: 2 }] }, '"image"'],
  ])("stop the start where they are wrong: %j", (prices, named) => {
    expect(() => parse(prices)).toThrow(named);
  });
});

describe("doctor on prices", () => {
  it.each([
    [freshDays, "ok"],
    [freshDays + 1, "warning"],
  ])("%i days old are %s", async (days, status) => {
    const { one, clock, pass } = deployment();
    pass(Date.parse(priceTable.asOf) + days * 86_400_000 - clock.now());
    const check = await priceCheck({ prices: one, clock });
    expect(check).toMatchObject({ name: "prices", status, detail: expect.stringContaining(`${days} days`) });
    expect(check.remedy === undefined).toBe(status === "ok");
  });
});
