/**
 * Whether work ends within so many milliseconds, if only by failing: of that only who awaits the work itself hears.
 * With 0 nothing is waited for.
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
