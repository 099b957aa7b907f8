import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { createApp } from "../../../src/app.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { makeStateDir, token } from "../../server-process.ts";

let node: Awaited<ReturnType<typeof openNode>>;
let app: ReturnType<typeof createApp>;
let stateDir: string;

beforeEach(async () => {
  stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  app = createApp(node.ports, settings.settings);
});
afterEach(async () => {
  await node.close();
  rmSync(stateDir, { recursive: true, force: true });
});

it("a CSV that is cut names the next page, and the pages come to the sum of all", async () => {
  const names = aiKeyLedger("k");
  const days = ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"];
  for (const [at, day] of days.entries()) {
    const reservation = names.reservation(`${at}`);
    await app.context.ledger.reserve(reservation, [
      { counter: names.tokens, period: day, limit: null, amount: 10 + at },
    ]);
    await app.context.ledger.settle(reservation, "reserved", {
      ...{ name: names.usage, day, model: "m", requests: 1, inputTokens: 10, outputTokens: at, tokens: 10 + at },
      ...{ cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, microUsd: 0, unpricedRequests: 0 },
    });
  }
  let url: URL | undefined = new URL("http://localhost/api/v1/usage?by=day&from=2026-11-01&format=csv&limit=2");
  const rows: string[][] = [];
  for (let pages = 0; url && pages < 5; pages++) {
    const response = await app.fetchAsOperator(new Request(url));
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    rows.push(
      ...(await response.text())
        .trim()
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(",")),
    );
    const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    url = next === undefined ? undefined : new URL(next, url);
  }
  expect(rows.map(([day, , , , , , , tokens]) => [day, tokens])).toEqual(days.map((day, at) => [day, `${10 + at}`]));
});
