import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
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

it("leaves no counter and no usage of a key that was erased while an answer was under way", async () => {
  const now = Date.UTC(2026, 10, 22, 18);
  stand = await proxyStand({ kind: "anthropic", upstream: upstream.origin, now: () => now });
  let pass = () => {};
  upstream.behave({ until: new Promise<void>((resolve) => (pass = resolve)) });
  const asked = fetch(`${stand.baseUrl}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": stand.key },
    body: JSON.stringify({ model: "m", max_tokens: 10, messages: [{ role: "user", content: "hello" }] }),
  }).then((response) => response.text());
  await expect.poll(() => upstream.seen.length).toBe(1);
  await eraseAiKey({ ...stand.context, records: { remove: async () => {} } } as never, stand.keyId);
  pass();
  await asked;
  await stand.idle();
  const names = aiKeyLedger(stand.keyId);
  expect(await stand.context.ledger.usage(names.usage, "2026-11-01", "2026-11-30")).toEqual([]);
  expect(await stand.context.ledger.used(names.tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
});
