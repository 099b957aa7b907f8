const runsEveryMs = 300_000;

/**
 * As many as one run of the cron visits: each run goes on where the one before ended, since the agents of a silent
 * gateway may keep their notes for days.
 */
export function inTurn(ids: readonly string[], most: number, now: number): string[] {
  if (ids.length <= most) return [...ids];
  const from = (Math.floor(now / runsEveryMs) * most) % ids.length;
  return [...ids.slice(from), ...ids.slice(0, from)].slice(0, most);
}
