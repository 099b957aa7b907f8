const runsEveryMs = 300_000;

/**
 * As many as one run of a Worker's cron takes on: each run goes on where the one before ended, since the agents of a silent
 * gateway may keep their notes for days.
 */
export function inTurn<T>(all: readonly T[], most: number, now: number): T[] {
  if (all.length <= most) return [...all];
  const from = (Math.floor(now / runsEveryMs) * most) % all.length;
  return [...all.slice(from), ...all.slice(0, from)].slice(0, most);
}
