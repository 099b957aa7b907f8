/** Whether the end of an agent, a key or anything else has come: from that moment on, whether or not anybody has noted it. */
export const hasEnded = ({ expiresAt }: { expiresAt?: string | undefined }, now: number): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now;
