import { join } from "node:path";
import type { AgentCredentials } from "./credentials.ts";
import { dropMarker, isMadeBy, type MadeMarker } from "./made-marker.ts";

/** Takes our keys and our marker from an agent that others have made under the same id; all else is theirs. */
export async function leaveToOthers(
  credentials: Pick<AgentCredentials, "removeOurs">,
  home: string,
  marker: MadeMarker,
): Promise<void> {
  const isIts = () => isMadeBy(home, marker);
  if (isIts()) await credentials.removeOurs(join(home, "agent"));
  if (isIts()) dropMarker(home);
}
