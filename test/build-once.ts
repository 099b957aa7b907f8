/** The bundle that users run is built afresh before the first test: tests start it as a process. */
import { buildTargets } from "../build.mjs";

export default async function setup(): Promise<void> {
  if (!process.env.OPENCLAW_E2E_BUILT) await buildTargets(["node"]);
}
