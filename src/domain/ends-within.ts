/**
 * Whether `work` ends within `ms` milliseconds; 0 waits for nothing. A failure ends it too, and is left to whoever awaits
 * `work` itself.
 */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  if (ms === 0) return false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const ended = () => true;
  return await Promise.race([work.then(ended, ended), patience]).finally(() => clearTimeout(timer));
}
