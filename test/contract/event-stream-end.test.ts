import { setTimeout } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { readEventStream } from "../../src/client/event-stream.ts";
import { eventStream } from "../../src/service/events/event-stream.ts";
import { nodeTarget } from "./node-target.ts";
import { ask } from "./target.ts";

it("a server that stops does not wait for those who follow its events, and ends their streams", async () => {
  const target = await nodeTarget();
  const response = await fetch(`${target.api}/events`, { headers: { authorization: `Bearer ${target.token}` } });
  const events = readEventStream(response.body!);
  expect((await events.next()).value?.event).toBe("activity");
  const begun = performance.now();
  const closing = target.close();
  while (!(await events.next()).done);
  await closing;
  // The drain lasts for half a minute where something is under way.
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 60_000);

it("a client that leaves while nothing happens ends its stream, and no warning is logged", async () => {
  const target = await nodeTarget();
  const logged: string[] = [];
  let looks = 0;
  const stream = eventStream(
    { ...target.context, log: (_level, message) => void logged.push(message) },
    {
      types: ["activity"],
      lastEventId: undefined,
      mayGoOn: async () => {
        looks++;
        return true;
      },
    },
  );
  const reader = stream.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("retry:");
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("event: activity");
  const next = reader.read();
  await vi.waitFor(() => expect(looks).toBeGreaterThan(0), 5_000);
  await reader.cancel();
  expect((await next).done).toBe(true);
  const looked = looks;
  await setTimeout(1_500);
  expect(looks).toBe(looked);
  expect(logged).toEqual([]);
  await target.close();
}, 60_000);

it.each(["gatewayTokens", "adminTokens"] as const)(
  "a session's stream ends at once where its %s are replaced",
  async (name) => {
    const target = await nodeTarget();
    const { body } = await ask(target, "POST", "/console/session", { key: target.adminToken });
    const response = await fetch(`${target.api}/events?types=activity`, {
      headers: { authorization: `Bearer ${body.session}` },
    });
    const events = readEventStream(response.body!);
    expect((await events.next()).value?.event).toBe("activity");
    target.context.settings[name] = ["another-token-of-the-same-deployment-0000"];
    const begun = performance.now();
    while (!(await events.next()).done);
    expect(performance.now() - begun).toBeLessThan(3_000);
    await target.close();
  },
  60_000,
);
