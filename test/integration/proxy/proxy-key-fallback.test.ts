import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { seal } from "../../../src/service/secrets/vault.ts";
import { aiProviderRecent } from "../../../src/storage/ledger-names.ts";
import { masterKey as newKey, type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

const oldKey = "sk-before-not-a-real-key";
const olderKey = "sk-long-before-not-a-real-key";

interface Asked {
  key: string;
  path: string;
  body: Record<string, unknown> | undefined;
}

let asked: Asked[];
let answer: (asked: Asked, response: ServerResponse) => void;
let origin: string;
const server = createServer((request: IncomingMessage, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const text = Buffer.concat(parts).toString();
    const key = String(request.headers.authorization ?? request.headers["x-goog-api-key"]).replace("Bearer ", "");
    const one = { key, path: request.url!, body: text === "" ? undefined : JSON.parse(text) };
    asked.push(one);
    answer(one, response);
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
const usage = { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 };
const completion = (text = "hi") => ({ choices: [{ index: 0, message: { content: text } }], usage });
const refusing =
  (status: number, ...keys: string[]): typeof answer =>
  ({ key }, response) =>
    keys.includes(key)
      ? json(response, status, { error: { message: `this key is not allowed: ${key}` } })
      : json(response, 200, completion(`the key is ${key}`));

describe.each<Transport>(["node", "fetch"])("a master key in the place of another, over %s", (transport) => {
  let stand: ProxyStand;
  let now: number;
  beforeEach(() => {
    asked = [];
    now = Date.parse("2026-11-28T12:00:00.000Z");
    return () => stand.close();
  });
  /** @param grace milliseconds, of each key before the one that is stored */
  async function open(kind: ProviderKind, grace: Record<string, number>): Promise<void> {
    stand = await proxyStand({ kind, upstream: origin, quotas: { maxTokensPerMonth: 1_000_000 }, now: () => now });
    const { id, provider } = stand.provider;
    const previous = await Promise.all(
      Object.entries(grace).map(async ([key, ms]) => ({
        sealedKey: await seal(stand.context, key, { provider, id }),
        until: new Date(now + ms).toISOString(),
      })),
    );
    stand.stored["ai-providers"].set(id, { ...stand.provider, previous });
  }
  async function ask(path = "/proxy/openai/v1/chat/completions", body: unknown = request) {
    const response = await stand.fetchBy(transport)(path, {
      method: body === null ? "GET" : "POST",
      headers: path.startsWith("/proxy/gemini/")
        ? { "x-goog-api-key": stand.key }
        : { authorization: `Bearer ${stand.key}` },
      ...(body !== null && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
  const request = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
  const keys = () => asked.map(({ key }) => key);

  it.each([401, 403])(
    "is followed by the one before where it is refused with %i, and the call costs once",
    async (status) => {
      await open("openai", { [oldKey]: 60_000 });
      answer = refusing(status, newKey);
      const answered = await ask();
      expect(answered.status).toBe(200);
      expect(keys()).toEqual([newKey, oldKey]);
      expect(asked[1]!.body).toEqual(asked[0]!.body);
      // The key that was sent in the end is kept from the client like the first.
      expect(answered.text).toContain("[redacted]");
      expect(answered.text).not.toContain(oldKey);
      expect((await stand.quota("maxTokensPerMonth")).used).toBe(23);
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
    },
  );

  it("tells the operator that it is refused", async () => {
    await open("openai", { [oldKey]: 60_000 });
    answer = refusing(401, newKey);
    await ask();
    expect(stand.logs).toContainEqual(
      expect.objectContaining({ level: "error", message: "an AI provider refuses the operator's key" }),
    );
    expect(JSON.stringify(stand.logs)).not.toMatch(/not-a-real-key/);
  });

  it("is sent alone once the grace is over, and where it is accepted", async () => {
    await open("openai", { [oldKey]: 60_000 });
    answer = refusing(401, oldKey);
    expect((await ask()).status).toBe(200);
    answer = refusing(401, newKey);
    now += 60_000;
    expect((await ask()).status).toBe(502);
    expect(keys()).toEqual([newKey, newKey]);
  });

  it("is followed by all that are in their grace, and the last refusal is told", async () => {
    await open("openai", { [oldKey]: 60_000, [olderKey]: 60_000 });
    answer = refusing(401, newKey, oldKey);
    expect((await ask()).status).toBe(200);
    answer = refusing(401, newKey, oldKey, olderKey);
    const refused = await ask();
    expect(refused).toMatchObject({ status: 502, text: expect.stringContaining("refused the operator's key") });
    expect(keys()).toEqual([newKey, oldKey, olderKey, newKey, oldKey, olderKey]);
    expect((await stand.quota("maxTokensPerMonth")).used).toBe(23);
  });

  it.each([400, 404, 429, 500])("is not followed by another where the provider answers %i", async (status) => {
    await open("openai", { [oldKey]: 60_000 });
    answer = refusing(status, newKey);
    expect((await ask()).status).toBe(status);
    expect(keys()).toEqual([newKey]);
  });

  it("costs nothing where the provider cannot be reached any more with the one before", async () => {
    await open("openai", { [oldKey]: 60_000 });
    const once = createServer((incoming, response) => {
      incoming.resume().on("end", () => {
        once.close();
        response.setHeader("connection", "close");
        json(response, 401, { error: { message: "this key is not allowed" } });
      });
    });
    await new Promise<void>((resolve) => once.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(once.address() as AddressInfo).port}/v1`;
    const { id } = stand.provider;
    stand.stored["ai-providers"].set(id, { ...stand.stored["ai-providers"].get(id)!, baseUrl });
    expect(await ask()).toMatchObject({ status: 502, text: expect.stringContaining("could not be reached") });
    expect(await stand.quota("maxTokensPerMonth")).toMatchObject({ used: 0, reserved: 0 });
  });

  it("is followed by the one before for calls without a body, and at Google, which says 400", async () => {
    await open("gemini", { [oldKey]: 60_000 });
    answer = ({ key }, response) =>
      key === newKey
        ? json(response, 400, { error: { status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } })
        : json(response, 200, { models: [] });
    expect(await ask("/proxy/gemini/v1beta/models", null)).toEqual({ status: 200, text: '{"models":[]}' });
    expect(keys()).toEqual([newKey, oldKey]);
  });

  const google: [string, number, string, number][] = [
    ["not valid", 400, "API key not valid. Please pass a valid API key.", 502],
    ["unknown", 400, "API Key not found. Please pass a valid API key.", 502],
    ["known to others", 403, "Your API key was reported as leaked. Please use another API key.", 502],
    ["named by a client", 400, "Invalid value at 'response_schema.type' (v1beta.Type), \"API key\"", 400],
    ["named by a client as a reason", 400, 'Unknown name "reason": "API_KEY_INVALID": Cannot find field.', 400],
  ];
  it.each(google)("is refused by Google or not where it is %s", async (_, status, message, told) => {
    await open("gemini", {});
    answer = (_, response) => json(response, status, { error: { code: status, message, status: "INVALID_ARGUMENT" } });
    expect((await ask("/proxy/gemini/v1beta/models", null)).status).toBe(told);
    expect(stand.logs.filter(({ level }) => level === "error")).toHaveLength(told === 502 ? 1 : 0);
  });

  it("is followed by the one before also where the body had to be another", async () => {
    await open("openai", { [oldKey]: 60_000 });
    answer = ({ key, body }, response) => {
      if (body && "stream_options" in body) return json(response, 422, { error: { message: "stream_options" } });
      return refusing(401, newKey)({ key, path: "", body }, response);
    };
    expect((await ask(undefined, { ...request, stream: true })).status).toBe(200);
    expect(asked.map(({ key, body }) => [key, "stream_options" in body!])).toEqual([
      [newKey, true],
      [newKey, false],
      [oldKey, false],
    ]);
  });

  it("is the operator's to mend where it does not open", async () => {
    await open("openai", {});
    const { id, provider } = stand.provider;
    const elsewhere = { sealKeys: () => [new Uint8Array(32).fill(9)] };
    const sealedKey = await seal(elsewhere, newKey, { provider, id });
    stand.stored["ai-providers"].set(id, { ...stand.provider, sealedKey });
    const refused = await ask();
    expect(refused.status).toBe(503);
    expect(refused.text).toContain("cannot be opened; its operator has to mend that (provisioning doctor)");
    expect(refused.text).not.toContain("try again");
    expect(asked).toEqual([]);
  });

  it("is sent within a second where the record lags, and none once the provider is revoked", async () => {
    await open("openai", {});
    answer = refusing(401);
    await ask();
    const { id, provider } = stand.provider;
    const sealedKey = await seal(stand.context, oldKey, { provider, id });
    const changed = (change: object) =>
      stand.context.ledger.put(aiProviderRecent(id), JSON.stringify({ ...stand.provider, ...change }));
    await changed({ sealedKey, version: 1 });
    now += 1_000;
    expect((await ask()).status).toBe(200);
    await changed({ sealedKey, version: 2, revokedAt: new Date(now).toISOString() });
    now += 1_000;
    expect((await ask()).status).toBe(401);
    expect(keys()).toEqual([newKey, oldKey]);
  });
});
