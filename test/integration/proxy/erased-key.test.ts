import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Ledger, LedgerName } from "../../../src/ports.ts";
import { eraseAiKey } from "../../../src/service/state/ai-key-state.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.behave("reset"));
afterEach(() => stand.close());

const now = Date.UTC(2026, 10, 22, 18);

/** A request that has its answer once `pass` is called. */
async function underWay() {
  stand = await proxyStand({ kind: "anthropic", upstream: upstream.origin, now: () => now });
  let pass = () => {};
  upstream.behave({ until: new Promise<void>((resolve) => (pass = resolve)) });
  const asked = fetch(`${stand.baseUrl}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": stand.key },
    body: JSON.stringify({ model: "m", max_tokens: 10, messages: [{ role: "user", content: "hello" }] }),
  }).then((response) => response.text());
  await expect.poll(() => upstream.seen.length).toBe(1);
  return async () => {
    pass();
    await asked;
    await stand.idle();
  };
}

const erase = (ledger: Partial<Ledger> = {}) =>
  eraseAiKey(
    { ...stand.context, ledger: { ...stand.context.ledger, ...ledger }, records: { remove: async () => {} } } as never,
    stand.keyId,
  );

async function expectNothingLeft(): Promise<void> {
  const { ledger } = stand.context;
  const names = aiKeyLedger(stand.keyId);
  expect(await ledger.usage(names.usage, "2026-11-01", "2026-11-30")).toEqual([]);
  for (const counter of [names.tokens, names.requests])
    expect(await ledger.used(counter, "2026-11")).toEqual({ used: 0, reserved: 0 });
}

it("leaves no counter and no usage of a key that was erased while an answer was under way", async () => {
  const end = await underWay();
  await erase();
  await end();
  await expectNothingLeft();
});

it.each([1, 2, 3, 4, 5])("nor of one whose answer ends after the erasure's step %i", async (step) => {
  const end = await underWay();
  let steps = 0;
  let last: Promise<void> = Promise.resolve();
  const forget = (name: LedgerName): Promise<void> =>
    (last = last.then(async () => {
      await stand.context.ledger.forget(name);
      if (++steps === step) await end();
    }));
  await erase({ forget });
  expect(steps).toBeGreaterThan(step);
  await expectNothingLeft();
});
