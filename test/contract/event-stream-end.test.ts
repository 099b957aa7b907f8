import { expect, it } from "vitest";
import { readEventStream } from "../../src/client/event-stream.ts";
import { nodeTarget } from "./node-target.ts";

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
