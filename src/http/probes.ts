/** Paths outside the API, which monitors ask every few seconds. */
export const isProbe = (pathname: string): boolean => /^\/(healthz|readyz|metrics)$/.test(pathname);
