import { Problem } from "../errors.ts";
import type { HostHold } from "../ports.ts";

/** @throws Problem `confinement_not_supported`: a host that runs no agents itself holds them to nothing. */
export function refuseHold({ confinement, tools, peers }: HostHold): void {
  const asked = { confinement, tools, peers };
  const [name] = Object.entries(asked).find(([, value]) => value !== undefined) ?? [];
  if (name === undefined) return;
  throw new Problem(
    "confinement_not_supported",
    `"${name}" is for agents on an OpenClaw gateway, and this host runs none; leave it out.`,
  );
}
