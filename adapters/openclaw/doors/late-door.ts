import type { OpenDoor } from "../../../src/ports.ts";

/** A change of the agent is written, and OpenClaw does not work with it: it may be without its key, or its confinement. */
export const lateDoor = (agentId: string): OpenDoor => ({
  agentId,
  setting: "reload",
  detail: `OpenClaw has not taken up what is written of the agent "${agentId}", and works with what was there before`,
  remedy:
    "let the turns under way end: OpenClaw is asked again until it has; or restart the gateway. Its log says why not " +
    '("config reload failed")',
});
