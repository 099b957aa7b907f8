/** The auth profile of OpenClaw's that this service writes for an agent; others beside it are left alone. */
export const profileIdFor = (provider: string): string => `${provider}:dedicated`;
