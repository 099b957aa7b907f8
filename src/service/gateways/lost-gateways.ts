import type { HostGateway } from "../../ports.ts";

/** Those of these agents' gateways that were not met since this process started, or are no more in the settings. */
export function lostGateways(
  agents: readonly { gateway?: string | undefined }[],
  known: readonly Pick<HostGateway, "id">[],
): string[] {
  const ids = new Set(agents.map(({ gateway }) => gateway));
  for (const { id } of known) ids.delete(id);
  return [...ids].filter((id) => id !== undefined);
}
