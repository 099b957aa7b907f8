/**
 * Compares what the installed OpenClaw can do with what is decided upon here: every setting that bears a model, and
 * every tool. Ends with 1 where something is not, and says what. `OPENCLAW_PACKAGE_DIR` names another version than the
 * pinned one.
 */
import { undecidedDoors } from "../test/e2e/openclaw/package-doors.ts";

const { version, settings, tools, undecided, gone } = await undecidedDoors();
console.log(`OpenClaw ${version}: ${settings.length} settings that bear a model, ${tools.length} tools`);
for (const name of gone) console.log(`decided upon, and not there any more: ${name}`);
for (const name of undecided) console.error(`not decided upon: ${name}`);
if (undecided.length > 0) {
  console.error("See adapters/openclaw/doors/model-settings.ts and tool-table.ts, and docs/openclaw.md.");
  process.exitCode = 1;
}
