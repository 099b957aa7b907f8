/** Whether an agent's end has come: from that moment on it counts as suspended, whether or not anybody has noted it. */
export const hasEnded = ({ expiresAt }: { expiresAt?: string | undefined }, now: number): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now;
