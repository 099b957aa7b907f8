import type { Worker } from "node:cluster";

/**
 * Closes the connection that was on its way to a worker process when that one died: the cluster module waits for its
 * word on it for ever, and so would the client. One at a time is on its way to each; closing one that was taken does
 * nothing.
 */
export function closeLostConnection(worker: Worker): void {
  const { process } = worker;
  const send = process.send.bind(process) as (...given: unknown[]) => boolean;
  let last: { close?(): void } | undefined;
  process.send = (...given: unknown[]) => {
    if (given[1]) last = given[1];
    return send(...given);
  };
  worker.once("exit", () => last?.close?.());
}
