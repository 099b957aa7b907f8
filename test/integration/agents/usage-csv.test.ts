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

it("pages of a sum repeat no row and miss none while more is used and more agents come", async () => {
  const use = async (agent: string, tokens: number) => {
    const names = aiKeyLedger(`k-${agent}`);
    const reservation = names.reservation(crypto.randomUUID());
    await app.context.ledger.reserve(reservation, [
      { counter: names.tokens, period: "2026-11", limit: null, amount: 1 },
    ]);
    await app.context.ledger.settle(reservation, "reserved", {
      ...{
        name: names.usage,
        day: "2026-11-01",
        model: agent,
        requests: 1,
        inputTokens: tokens,
        outputTokens: 0,
        tokens,
      },
      ...{ cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, microUsd: tokens, unpricedRequests: 0 },
    });
  };
  const page = async (orderBy: string, cursor?: string) => {
    const at = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const url = `http://localhost/api/v1/usage?by=model&from=2026-11-01&limit=2&orderBy=${orderBy}${at}`;
    const response = await app.fetchAsOperator(new Request(url));
    const { rows, nextCursor } = (await response.json()) as { rows: { key: string }[]; nextCursor?: string };
    return { keys: rows?.map(({ key }) => key), nextCursor, status: response.status };
  };
  for (const [at, agent] of ["b", "c", "d", "e"].entries()) await use(agent, 100 - at);
  const byUse = await page("usd");
  const byKey = await page("key");
  await use("a", 1_000);
  expect([byUse.keys, byKey.keys]).toEqual([
    ["b", "c"],
    ["b", "c"],
  ]);
  expect((await page("usd", byUse.nextCursor)).keys).toEqual(["d", "e"]);
  expect((await page("key", byKey.nextCursor)).keys).toEqual(["d", "e"]);
  expect((await page("usd", byKey.nextCursor)).status).toBe(400);
});
