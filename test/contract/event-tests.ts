import { expect, it } from "vitest";
import { readEventStream, type ServerEvent } from "../../src/client/event-stream.ts";
import { ask, makeKey, type Target } from "./target.ts";

interface AuditData {
  seq: number;
  action: string;
  phase: string;
  target?: string;
}

/** The events as they happen. */
export function eventTests(target: () => Target): void {
  async function open(query: string, headers: Record<string, string> = {}) {
    const response = await target().fetch(`${target().api}/events${query}`, {
      headers: {
        authorization: `Bearer ${target().token}`,
        "x-agent-provisioning-key": target().adminToken,
        ...headers,
      },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    return readEventStream(response.body!);
  }

  /** Reads until all that is looked for was there. */
  async function until(
    events: AsyncGenerator<ServerEvent>,
    isDone: (seen: ServerEvent[]) => boolean,
  ): Promise<ServerEvent[]> {
    const seen: ServerEvent[] = [];
    while (!isDone(seen)) {
      const { value, done } = await events.next();
      if (done) break;
      seen.push(value);
    }
    return seen;
  }
  const audit = (seen: ServerEvent[]) => seen.filter(({ event }) => event === "audit");
  const creates = (seen: ServerEvent[], id: string) =>
    audit(seen).filter(({ data }) => (data as AuditData).target === id);

  it("streams the trail, alerts and activity, and goes on after the last event that was seen", async () => {
    const events = await open("");
    // With it the first look is over: from here on nothing is missed.
    const isActivity = ({ event }: ServerEvent) => event === "activity";
    const first = await until(events, (all) => all.some(isActivity));
    expect(first.find(isActivity)?.data).toMatchObject({ requests: expect.any(Number), agents: expect.any(Array) });
    const { id } = await makeKey(target());
    const isAlert = ({ event, data }: ServerEvent) =>
      event === "alert" && (data as { data: { keyId?: string } }).data.keyId === id;
    const seen = await until(events, (all) => creates(all, id).length === 2 && all.some(isAlert));
    const [intent, outcome] = creates(seen, id);
    for (const one of [intent!, outcome!]) expect(one.id).toBe(String((one.data as AuditData).seq));
    expect((outcome!.data as AuditData).phase).toBe("outcome");
    expect(seen.find(isAlert)).toMatchObject({
      id: expect.stringMatching(/^\d+-\d+$/),
      data: { id: expect.stringMatching(/^msg_/), type: "provisioning_key.created" },
    });
    await events.return(undefined);

    const again = await open("?types=audit", { "last-event-id": intent!.id! });
    const resumed = await until(again, (all) => all.length > 0);
    expect((resumed[0]!.data as AuditData).seq).toBe((intent!.data as AuditData).seq + 1);
    await again.return(undefined);
    // An alert that nobody has seen comes, though nothing but an event of the trail was seen last.
    const missed = await open("?types=alert", { "last-event-id": intent!.id! });
    expect((await until(missed, (all) => all.some(isAlert))).some(isAlert)).toBe(true);
    await missed.return(undefined);
  }, 60_000);

  it("shows the trail to administrators alone, and everything to nobody who has agents of its own", async () => {
    const events = (query: string, key?: string) =>
      ask(target(), "GET", `/events${query}`, key === undefined ? {} : { key });
    expect(await events("?types=audit")).toMatchObject({ status: 403, body: { code: "scope_missing" } });
    expect(await events("?types=nothing")).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    const { key } = await makeKey(target(), { reach: "own" });
    expect(await events("", key)).toMatchObject({ status: 403, body: { code: "scope_missing" } });
  });

  it.each([
    ["the session is revoked", "sessions"],
    ["the key behind the session is revoked", "agent-keys"],
  ] as const)("ends within a second once %s", async (_, what) => {
    const { id: keyId, key } = await makeKey(target());
    const { body: opened } = await ask(target(), "POST", "/console/session", { key });
    const response = await target().fetch(`${target().api}/events?types=activity`, {
      headers: { authorization: `Bearer ${opened.session}` },
    });
    const events = readEventStream(response.body!);
    expect((await events.next()).value?.event).toBe("activity");
    let endedAt = 0;
    const ended = until(events, () => false).then(() => (endedAt = performance.now()));
    const id = what === "sessions" ? opened.id : keyId;
    const revoked = await ask(target(), "POST", `/provisioning/${what}/${id}/revoke`, { key: target().adminToken });
    const since = performance.now();
    expect(revoked.status).toBe(200);
    await ended;
    expect(endedAt - since).toBeLessThan(1_500);
  });

  it("ends within a second once its key's secret is another", async () => {
    const { id, key } = await makeKey(target());
    const events = await open("?types=activity", { "x-agent-provisioning-key": key });
    expect((await events.next()).value?.event).toBe("activity");
    const body = { graceSeconds: 0 };
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/rotate`, { key: target().adminToken, body });
    const since = performance.now();
    await until(events, () => false);
    expect(performance.now() - since).toBeLessThan(1_500);
  });

  it("answers HEAD at once", async () => {
    const { status } = await ask(target(), "HEAD", "/events");
    expect(status).toBe(200);
  });
}
