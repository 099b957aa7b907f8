/**
 * `gateway.provisioning` for the path by which this run's requests reach the proxy: the fast one or, with
 * `PROXY_PATH=node-http`, that of all other requests.
 */
export function onProxyPath(provisioning: Record<string, unknown> = {}): Record<string, unknown> {
  if (process.env.PROXY_PATH !== "node-http") return provisioning;
  return { ...provisioning, proxy: { fastPath: false, ...(provisioning.proxy as object | undefined) } };
}
