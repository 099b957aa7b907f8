/** Whether the end of an agent or a key has come, whether or not anybody has noted it. */
export const hasEnded = ({ expiresAt }: { expiresAt?: string | undefined }, now: number): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now;
