import type { Context } from "../service/context.ts";
import type { Reply } from "./call.ts";

export const linesType = "application/x-ndjson";

/** Whether `Accept` names newline-delimited JSON, whatever else it names. */
export const asksForLines = (headers: Headers): boolean =>
  (headers.get("accept") ?? "").split(",").some((part) => part.split(";")[0]!.trim().toLowerCase() === linesType);

/**
 * Answers with a line of JSON for each value that `work` tells, from the first one on. The work goes on to its end
 * whether or not the client still reads; one that rejects later breaks the answer off.
 *
 * @throws whatever `work` rejects with before it has told anything
 */
export async function streamLines(
  { log, background }: Pick<Context, "log" | "background">,
  work: (tell: (value: unknown) => void) => Promise<void>,
): Promise<Reply> {
  const encoder = new TextEncoder();
  const first = Promise.withResolvers<void>();
  let reader: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      reader = controller;
    },
    cancel() {
      reader = undefined;
    },
  });
  const done = work((value) => {
    reader?.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
    first.resolve();
  });
  const failed = (cause: unknown) => {
    log("error", "a stream of results broke off", { cause });
    reader?.error(cause);
  };
  const begun = Promise.race([first.promise, done]);
  background(begun.then(() => done.then(() => reader?.close(), failed)).catch(() => undefined));
  await begun;
  // Proxies hold answers back until there is much of them.
  return { status: 200, headers: { "content-type": linesType, "x-accel-buffering": "no" }, body };
}
