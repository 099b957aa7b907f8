import { expect, it, vi } from "vitest";
import type { AdmittedRequest } from "../../src/proxy/admitted-request.ts";
import { meteredStream } from "../../src/proxy/metered-stream.ts";
import { createScrubs } from "../../src/proxy/scrub.ts";
import { silenceTimer } from "../../src/proxy/silence-timer.ts";

const turnEnds = () => new Promise((resolve) => setImmediate(resolve));
const bytes = new TextEncoder().encode("data: {}\n\n");

it.each([
  ["in the clear, and its client reads it as it comes", true, false, false],
  ["in the clear, and its client has not read all that came", false, false, true],
  ["compressed, and its last bytes may not be decoded", true, true, true],
])("an answer breaks off that is %s", async (_, reads, isCompressed, unread) => {
  let upstream!: ReadableStreamDefaultController<Uint8Array>;
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      upstream = controller;
    },
  });
  const finish = vi.fn<AdmittedRequest["finish"]>();
  const { body } = meteredStream(source, {
    meter: undefined,
    scrub: createScrubs()(["sk-of-nobody-at-all"]).stream(),
    admitted: { readsOn: false, finish } as Partial<AdmittedRequest> as AdmittedRequest,
    silence: silenceTimer(new AbortController(), 60_000),
    readsOn() {},
    done() {},
    type: "text/event-stream",
    losesBytes: () => isCompressed,
  });
  const client = body.getReader();
  upstream.enqueue(bytes);
  await client.read();
  const next = reads ? client.read() : undefined;
  upstream.enqueue(bytes);
  await next;
  const last = reads ? client.read() : undefined;
  last?.catch(() => undefined);
  await turnEnds();
  upstream.error(new Error("broken off"));
  await turnEnds();
  await expect(last ?? client.read()).rejects.toThrow("broken off");
  expect(finish).toHaveBeenCalledExactlyOnceWith(undefined, unread);
});
