import { describe, expect, it } from "vitest";
import { routes } from "../../src/routes.ts";
import { ask, makeKey, type Target } from "./target.ts";

/** Each shows as another text than it is, or acts on a terminal. */
const hidden = {
  "an escape sequence": "a\u001b[2Jb",
  "a C1 control": "a\u009b31mb",
  "a line feed": "a\nb",
  "a bidi override": "a\u202etxt.exe",
  "a bidi isolate": "a\u2066b\u2069",
  "a zero-width space": "ad\u200bmin",
  "a joiner in Latin": "ad\u200dmin",
  "a line separator": "a\u2028b",
  "a tag character": "a\u{e0041}b",
};

/** Made up, each in its maker's shape. */
const keys = {
  "a provisioning key": "ocp_0000000000000000_000000000000000000000000000000000000",
  "an AI key": "ocv_0000000000000000_000000000000000000000000000000000000",
  "Anthropic's": "sk-ant-api03-NotARealKeyNotARealKey0000000000",
  "OpenRouter's": "sk-or-v1-000000000000000000000000000000notreal0",
  "OpenAI's": "sk-proj-NotARealKey0NotARealKey0NotARealKey0",
  "an old one of OpenAI's": "sk-NotARealKey0NotARealKey0NotARealKey0NotARe",
  "Google's": "AIzaNotARealKey0NotARealKey0NotARealKey",
};

/** Text that is shown and written down, and what may be in it; and keys are pasted where they do not belong. */
export function textTests(target: () => Target): void {
  let count = 0;
  const admin = () => target().adminToken;
  /** Every field of text, by where a text is put into it. */
  const fields: Record<string, (text: string, key: string) => [string, string, string, object]> = {
    "an agent's name": (name, key) => ["POST", "/agents/create", key, { name }],
    "an agent's identity": (name, key) => ["POST", "/agents/create", key, { name: `t${++count}`, identity: { name } }],
    "its emoji": (text, key) => [
      "POST",
      "/agents/create",
      key,
      { name: `t${++count}`, identity: { emoji: text.slice(0, 16) } },
    ],
    "its avatar": (avatar, key) => ["POST", "/agents/create", key, { name: `t${++count}`, identity: { avatar } }],
    "its workspace": (text, key) => [
      "POST",
      "/agents/create",
      key,
      { name: `t${++count}`, workspace: target().workspace(text) },
    ],
    "its model": (model, key) => ["POST", "/agents/create", key, { name: `t${++count}`, model }],
    "its binding": (text, key) => ["POST", "/agents/create", key, { name: `t${++count}`, bind: [`telegram:${text}`] }],
    "its gateway": (gateway, key) => ["POST", "/agents/create", key, { name: `t${++count}`, gateway }],
    "its AI provider": (provider, key) => [
      "POST",
      "/agents/create",
      key,
      { name: `t${++count}`, autoProvisionAiKey: { provider } },
    ],
    "its AI key's models": (text, key) =>
      [
        ...["POST", "/agents/create", key],
        { name: `t${++count}`, autoProvisionAiKey: { provider: "anthropic", models: [text] } },
      ] as [string, string, string, object],
    "a new name": (name, key) => ["PATCH", "/agents/none", key, { name }],
    "a key's name": (name) => ["POST", "/provisioning/agent-keys", admin(), { name, scopes: ["agents:create"] }],
    "a key's AI provider": (text) =>
      [
        ...["POST", "/provisioning/agent-keys", admin()],
        { name: "x", scopes: ["agents:create"], aiProviderKeyId: text },
      ] as [string, string, string, object],
    "an AI provider's name": (name) =>
      [
        ...["POST", "/provisioning/ai-providers", admin()],
        { provider: "anthropic", name, key: "not-a-real-key", verify: false },
      ] as [string, string, string, object],
    "its project": (project) =>
      [
        ...["POST", "/provisioning/ai-providers", admin()],
        { provider: "openai", name: "x", key: "not-a-real-key", project, verify: false },
      ] as [string, string, string, object],
    "a field that there is not": (text, key) => ["POST", "/agents/create", key, { name: `t${++count}`, [text]: 1 }],
  };

  describe.each(Object.entries(fields))("%s", (field, request) => {
    it("may hold no control, bidi or invisible character", async () => {
      const { key } = await makeKey(target());
      for (const [name, text] of Object.entries(hidden)) {
        const [method, path, by, body] = request(text, key);
        const answer = await ask(target(), method, path, { key: by, body });
        expect([name, answer.status, answer.body.code]).toEqual([
          name,
          expect.toBeOneOf([400, 422]),
          expect.stringMatching(/^(invalid_body|workspace_not_allowed)$/),
        ]);
      }
    });

    if (field !== "its emoji")
      it("may hold no key, and its refusal does not repeat it", async () => {
        const { key } = await makeKey(target());
        for (const secret of Object.values(keys)) {
          for (const text of [secret, `my ${secret}`, secret.toLowerCase()]) {
            const [method, path, by, body] = request(text, key);
            const answer = await ask(target(), method, path, { key: by, body });
            expect([text, answer.status]).toEqual([text, expect.toBeOneOf([400, 422])]);
            expect(JSON.stringify(answer.body).toLowerCase()).not.toContain(secret.slice(8, -2).toLowerCase());
          }
        }
      });
  });

  it("takes emoji, and what people write, as they are", async () => {
    const { key } = await makeKey(target());
    for (const [name, emoji] of [
      ["Ada 👩‍🚀", "👨‍👩‍👧‍👦"],
      ["می‌خواهم a1", "❤️"],
      ["葛城 a2", "🏳️‍🌈"],
    ]) {
      const made = await ask(target(), "POST", "/agents/create", { key, body: { name, identity: { emoji } } });
      expect([name, made.status, made.body.name]).toEqual([name, 201, name]);
    }
  });

  it("refuses a path or a query with a key in it, whatever the route, and does not repeat it", async () => {
    const secrets = Object.values(keys);
    for (const [at, route] of routes.entries()) {
      const secret = secrets[at % secrets.length]!;
      const encoded = [...secret].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("");
      const paths = [`${route.path.replaceAll(":id", "x")}?cursor=${secret}`];
      if (route.path.includes(":id")) {
        const spellings = [secret, encoded, encoded.replaceAll("%", "%25"), secret.toLowerCase()];
        paths.push(...spellings.map((one) => route.path.replace(":id", one)));
      }
      for (const path of paths) {
        const answer = await ask(target(), route.method, path, { key: admin(), body: route.body && {} });
        expect([path, answer.status, answer.body.code]).toEqual([
          path,
          400,
          expect.stringMatching(/^invalid_(path|query)$/),
        ]);
        expect(JSON.stringify(answer.body).toLowerCase()).not.toContain(secret.slice(8, -2).toLowerCase());
      }
    }
  });

  it("has no key that was sent anywhere in its audit trail", async () => {
    const { key } = await makeKey(target());
    for (const secret of Object.values(keys)) {
      const headers = { "x-request-id": secret, "idempotency-key": secret, "user-agent": secret, prefer: secret };
      await ask(target(), "POST", "/agents/create", { key, body: { name: secret, bind: [secret] }, headers });
      await ask(target(), "DELETE", `/agents/${encodeURIComponent(secret)}`, { key, headers });
      await ask(target(), "GET", `/agents?cursor=${secret}`, { headers });
      await ask(target(), "GET", `/agents/${secret}`, { key: secret });
      await ask(target(), "POST", "/agents/create", { key: secret, body: { name: "x" } });
      await ask(target(), "GET", "/agents", { token: secret });
    }
    const events: unknown[] = [];
    let cursor = "";
    do {
      const { body } = await ask(target(), "GET", `/provisioning/audit?limit=1000${cursor}`, { key: admin() });
      events.push(...body.events);
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : "";
    } while (cursor !== "");
    const trail = JSON.stringify(events).toLowerCase();
    expect(events.length).toBeGreaterThan(10);
    for (const secret of Object.values(keys)) expect(trail).not.toContain(secret.slice(8, -2).toLowerCase());
  });
}
