let asked: Promise<void> | undefined;

/** Resolves at SIGTERM or SIGINT, and listens for them from the first call on. */
export function askedToStop(): Promise<void> {
  asked ??= new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  return asked;
}
