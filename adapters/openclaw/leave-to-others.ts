import { join } from "node:path";
import type { AgentCredentials } from "./credentials.ts";
import { dropMarker, isMadeBy, type MadeMarker } from "./made-marker.ts";
import { slugIn } from "./metered-provider.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";

/** Takes our key and our marker from an agent that others have made under the same id; all else is theirs. */
export async function leaveToOthers(
  credentials: Pick<AgentCredentials, "remove">,
  home: string,
  marker: MadeMarker,
  config: OpenClawConfig,
): Promise<void> {
  const isIts = () => isMadeBy(home, marker);
  if (marker.provider !== undefined && isIts()) {
    await credentials.remove(join(home, "agent"), slugIn(marker.provider, config));
  }
  if (isIts()) dropMarker(home);
}
