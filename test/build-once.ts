/** What the tests start as a process is the bundle that users run, built afresh before the first test. */
import { buildTargets } from "../build.mjs";

export default async function setup(): Promise<void> {
  await buildTargets(["node"]);
}
