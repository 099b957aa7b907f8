/** The bundles that users run are built afresh before the first test: tests start them as processes. */
import { buildTargets } from "../build.mjs";

export default async function setup(): Promise<void> {
  if (!process.env.OPENCLAW_E2E_BUILT) await buildTargets(["node", "worker"]);
}
