import { beforeEach, expect, it, vi } from "vitest";
import { AnswerWriter } from "../../adapters/node/proxy/answer-writer.ts";
import type { ClientAnswer } from "../../adapters/node/proxy/client-answer.ts";
import type { AdmittedRequest } from "../../src/proxy/admitted-request.ts";
import { createScrubs } from "../../src/proxy/scrub.ts";
import { createJsonMeter } from "../../src/proxy/usage/json-meter.ts";

const body = Buffer.from('{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}');
const head = ["content-type", "application/json"];
const turnEnds = () => new Promise((resolve) => setImmediate(resolve));

const finish = vi.fn<AdmittedRequest["finish"]>();
const whole = vi.fn<ClientAnswer["whole"]>();
const begin = vi.fn<ClientAnswer["begin"]>(() => true);
const breakOff = vi.fn<ClientAnswer["breakOff"]>();
const over = vi.fn<() => void>();
beforeEach(() => vi.resetAllMocks());

/** One of several requests under way. */
function createWriter(): AnswerWriter {
  const meter = createJsonMeter({ format: "openai", writesText: true });
  const admitted: Partial<AdmittedRequest> = { readsOn: true, finish, meter: () => meter };
  const client: Partial<ClientAnswer> = { whole, begin, breakOff, isBegun: () => begin.mock.calls.length > 0 };
  const owner = { isAlone: () => false, over, pause() {}, resume() {}, abort() {}, again() {} };
  const scrub = createScrubs()(["sk-of-nobody-at-all"]);
  return new AnswerWriter(admitted as AdmittedRequest, client as ClientAnswer, owner, scrub);
}

it("charges an answer that is whole to a client that leaves before the turn of its writing", async () => {
  const writer = createWriter();
  writer.start(200, head);
  writer.data(body);
  writer.end();
  writer.leave(true);

  expect(writer.isOver()).toBe(true);
  await turnEnds();
  expect(finish).toHaveBeenCalledTimes(1);
  expect(finish.mock.calls[0]![0]!.usage().total).toBe(7);
  expect(whole).not.toHaveBeenCalled();
  expect(over).toHaveBeenCalledTimes(1);
});

it("writes an answer that came in one turn as one, after it has settled it", async () => {
  const writer = createWriter();
  writer.start(200, head);
  writer.data(body.subarray(0, 10));
  writer.data(body.subarray(10));
  writer.end();
  await turnEnds();

  expect(whole).toHaveBeenCalledExactlyOnceWith(200, head, body);
  expect(finish.mock.invocationCallOrder[0]).toBeLessThan(whole.mock.invocationCallOrder[0]!);
  expect(over).toHaveBeenCalledTimes(1);
});

it("lets an answer that is whole go on to its client, though its key may not be used any more", async () => {
  const writer = createWriter();
  writer.start(200, head);
  writer.data(body);
  writer.end();
  writer.stop({ status: 401, message: "revoked" });
  await turnEnds();

  expect(whole).toHaveBeenCalledExactlyOnceWith(200, head, body);
  expect(breakOff).not.toHaveBeenCalled();
});

it("does not gather more than a socket holds before it writes", () => {
  const writer = createWriter();
  writer.start(200, head);
  writer.data(Buffer.alloc(65_535, " "));
  expect(begin).not.toHaveBeenCalled();
  writer.data(body);
  expect(begin).toHaveBeenCalledTimes(1);
});
