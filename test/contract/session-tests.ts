import { expect, it } from "vitest";
import { ask, makeKey, type Target } from "./target.ts";

type Credentials = { key?: string; token?: string };

/** Console sessions: what stands behind them, and what ends them. */
export function sessionTests(target: () => Target): void {
  const open = async (credentials: Credentials = {}) => {
    const opened = await ask(target(), "POST", "/console/session", credentials);
    expect([opened.status, opened.body.code]).toEqual([201, undefined]);
    return opened.body as { id: string; session: string; actor: string; expiresAt: string; scopes: string[] };
  };
  const as = (session: string, method: string, path: string, body?: unknown) =>
    ask(target(), method, path, { token: session, ...(body !== undefined && { body }) });

  it("stands for the gateway token and the provisioning key, for eight hours", async () => {
    const { id, key } = await makeKey(target(), { name: "Console" });
    const { session, ...opened } = await open({ key });
    expect(session).toMatch(/^ocs_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}$/);
    expect(opened).toMatchObject({ actor: id, keyName: "Console", reach: "all" });
    const hours = (Date.parse(opened.expiresAt) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(7.9);
    expect(hours).toBeLessThanOrEqual(8.01);
    const made = await as(session, "POST", "/agents/create", { name: `Session ${crypto.randomUUID().slice(0, 8)}` });
    expect(made.status).toBe(201);
    const { status, body } = await as(session, "GET", "/console/session");
    expect(status).toBe(200);
    expect(body).toMatchObject({ actor: id, keyName: "Console", id: opened.id, features: { allowDelete: true } });
  });

  it("may do what its key may, and nothing else", async () => {
    const { key } = await makeKey(target(), { scopes: ["agents:create"] });
    const { session } = await open({ key });
    const { status, body } = await as(session, "GET", "/provisioning/audit");
    expect([status, body.code]).toEqual([403, "scope_missing"]);
    expect(body.detail).toContain("provisioning:admin");
  });

  it("looks, where the gateway token alone was shown", async () => {
    const { session } = await open();
    expect((await as(session, "GET", "/agents")).status).toBe(200);
    expect((await as(session, "POST", "/agents/create", { name: "No" })).body.code).toBe("scope_missing");
  });

  it("sees no other agents than its key, where the key's reach is its own", async () => {
    const { key } = await makeKey(target(), { reach: "own" });
    await ask(target(), "POST", "/agents/create", {
      key: (await makeKey(target())).key,
      body: { name: `Foreign ${crypto.randomUUID().slice(0, 8)}` },
    });
    const { session } = await open({ key });
    expect((await as(session, "GET", "/agents")).body.agents).toEqual([]);
  });

  it("may do all that an administrator could give itself a key for", async () => {
    const { session, scopes } = await open({ key: target().adminToken });
    expect(scopes).toContain("agents:create");
    expect((await as(session, "GET", "/provisioning/agent-keys")).status).toBe(200);
    const made = await as(session, "POST", "/agents/create", { name: `Admin ${crypto.randomUUID().slice(0, 8)}` });
    expect(made.status).toBe(201);
  });

  it("ends when its key is revoked", async () => {
    const { id, key } = await makeKey(target());
    const { session } = await open({ key });
    expect((await as(session, "GET", "/agents")).status).toBe(200);
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target().adminToken });
    expect((await as(session, "GET", "/agents")).status).toBe(401);
  });

  it("ends when its key is rotated, whatever grace the key itself has", async () => {
    const { id, key } = await makeKey(target());
    const { session } = await open({ key });
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/rotate`, { key: target().adminToken, body: {} });
    expect((await as(session, "GET", "/agents")).status).toBe(401);
    expect((await ask(target(), "GET", "/agents", { key })).status).toBe(200);
  });

  it("ends with the grace of the secret that opened it", async () => {
    const { id, key } = await makeKey(target());
    const graceSeconds = 2;
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/rotate`, {
      key: target().adminToken,
      body: { graceSeconds },
    });
    const rotatedAt = Date.now();
    const { session, expiresAt } = await open({ key });
    const { body: link } = await ask(target(), "POST", "/console/link", { key });
    const linked = await open({ token: link.code });
    for (const end of [expiresAt, linked.expiresAt])
      expect(Date.parse(end) - rotatedAt).toBeLessThanOrEqual(graceSeconds * 1_000);
    const statuses = async () => [
      (await ask(target(), "GET", "/agents", { key })).status,
      (await as(session, "GET", "/agents")).status,
      (await as(linked.session, "GET", "/agents")).status,
    ];
    await expect.poll(statuses, { timeout: 5_000 }).toEqual([401, 401, 401]);
  });

  it("ends when it is closed, for everybody", async () => {
    const { session, id } = await open({ key: (await makeKey(target())).key });
    const closed = await as(session, "DELETE", "/console/session");
    expect([closed.status, closed.body.id]).toEqual([200, id]);
    expect((await as(session, "GET", "/agents")).status).toBe(401);
    expect((await as(session, "DELETE", "/console/session")).status).toBe(401);
  });

  it("is listed, and ended by an administrator", async () => {
    const { session, id } = await open({ key: (await makeKey(target())).key });
    const listed = await ask(target(), "GET", "/provisioning/sessions", { key: target().adminToken });
    expect(listed.body.sessions.map((one: { id: string }) => one.id)).toContain(id);
    expect(JSON.stringify(listed.body)).not.toContain(session.slice(-20));
    const revoke = () => ask(target(), "POST", `/provisioning/sessions/${id}/revoke`, { key: target().adminToken });
    expect((await revoke()).status).toBe(200);
    expect((await as(session, "GET", "/agents")).status).toBe(401);
    expect((await revoke()).body.code).toBe("session_not_found");
    const { body } = await ask(target(), "DELETE", "/console/session", { key: target().adminToken });
    expect(body).toMatchObject({ code: "session_not_found", detail: "The bearer is no console session." });
  });

  it("opens no other session, and takes no key beside it", async () => {
    const { session } = await open();
    for (const path of ["/console/session", "/console/link"]) {
      expect((await as(session, "POST", path)).body.code).toBe("session_not_allowed");
    }
    const { status, body } = await ask(target(), "GET", "/agents", { token: session, key: target().adminToken });
    expect([status, body.code]).toEqual([400, "invalid_header"]);
  });

  it("ends a stream of events that it has opened", async () => {
    const { session } = await open({ key: (await makeKey(target(), { scopes: ["provisioning:admin"] })).key });
    const stream = await target().fetch(`${target().api}/events?types=audit`, {
      headers: { authorization: `Bearer ${session}` },
    });
    expect(stream.status).toBe(200);
    await as(session, "DELETE", "/console/session");
    // Ends, or this waits until it does by itself, which is minutes.
    await expect(stream.text()).resolves.toContain("retry:");
  });

  it("is none after a change of a single character", async () => {
    const { session } = await open();
    const at = session.length - 10;
    const other = session.slice(0, at) + (session[at] === "a" ? "b" : "a") + session.slice(at + 1);
    expect((await as(other, "GET", "/agents")).status).toBe(401);
  });

  it("is limited by itself, not by its key", async () => {
    const { key } = await makeKey(target(), { rateLimitPerMinute: 1, scopes: ["provisioning:admin"] });
    // The exchange needs the token alone, and counts nowhere.
    const { session } = await open({ key });
    for (let call = 0; call < 3; call++) {
      const { status, headers } = await as(session, "GET", "/provisioning/agent-keys");
      expect(status).toBe(200);
      expect(headers.get("ratelimit-policy")).toBe('"key";q=600;w=60');
    }
  });

  it("opens by a link once, with what the link's maker may do", async () => {
    const { id, key } = await makeKey(target());
    const made = await ask(target(), "POST", "/console/link", { key });
    expect(made.status).toBe(201);
    const { link, code, expiresAt } = made.body;
    expect(link).toContain(`/console/#code=${code}`);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_500);
    expect((await as(code, "GET", "/agents")).body.code).toBe("session_not_allowed");
    const exchanged = await Promise.all([1, 2, 3, 4].map(() => as(code, "POST", "/console/session")));
    expect(exchanged.map(({ status }) => status).sort()).toEqual([201, 401, 401, 401]);
    for (const { status, headers } of exchanged) expect(headers.has("www-authenticate")).toBe(status === 401);
    const { body } = exchanged.find(({ status }) => status === 201)!;
    expect(body.actor).toBe(id);
    expect((await as(body.session, "GET", "/agents")).status).toBe(200);
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target().adminToken });
    expect((await as(body.session, "GET", "/agents")).status).toBe(401);
  });

  it("leaves one line of its reads a process in the trail, and one of its opening", async () => {
    const { id, key } = await makeKey(target());
    const { session, id: sessionId } = await open({ key });
    for (let call = 0; call < 5; call++) {
      await as(session, "GET", "/agents");
      await as(session, "GET", "/console/session");
    }
    const read = () => ask(target(), "GET", `/provisioning/audit?actor=${id}`, { key: target().adminToken });
    let events: { action: string; phase: string; details?: Record<string, unknown> }[] = [];
    for (let look = 0; look < 50 && !events.some(({ action }) => action === "request.read"); look++) {
      ({ events } = (await read()).body);
    }
    const reads = events.filter(({ action }) => action === "request.read");
    expect(reads[0]).toMatchObject({ details: { session: sessionId } });
    expect(reads.length).toBeLessThanOrEqual(target().processes ?? 1);
    expect(events.filter(({ action }) => action === "console.open").map(({ phase }) => phase)).toEqual([
      "outcome",
      "intent",
    ]);
    expect(JSON.stringify(events)).not.toContain(session.slice(-20));
  });
}
