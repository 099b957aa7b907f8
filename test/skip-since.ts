/** Skips the rest of the test that runs. The summary of a run tells of no reason, so that it is printed. */
export function skipSince(skip: (reason: string) => never, reason: string): never {
  console.info(`skipped: ${reason}`);
  return skip(reason);
}
