import { expect, it } from "vitest";

/** By its address, for its types are those of another runtime. */
const leftoversModule: string = "../../adapters/cloudflare/leftovers.ts";

it("finds an object's note behind a thousand keys that cannot be revoked", async () => {
  const waiting = Array.from({ length: 1_000 }, (_, at) => `leftover:revocations:key-${at}`);
  const names = [...waiting, "leftover:shard:0f"];
  const kv = {
    /** At most a thousand at once, as KV does. */
    async list({ cursor = "0" }: { cursor?: string }) {
      const end = Number(cursor) + 1_000;
      const keys = names.slice(Number(cursor), end).map((name) => ({ name }));
      return end >= names.length ? { keys, list_complete: true } : { keys, list_complete: false, cursor: `${end}` };
    },
  };
  const { createLeftovers } = await import(leftoversModule);
  const leftovers = createLeftovers(kv);
  expect(await leftovers.objects()).toEqual(["0f"]);
  expect(await leftovers.during(() => leftovers.revocations())).toHaveLength(1_000);
});
