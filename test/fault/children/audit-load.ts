/** Appends events as fast as it goes, and says each one's target on stdout once it is durable. */
import { writeSync } from "node:fs";
import { createAuditFile } from "../../../adapters/node/audit/audit-file.ts";

const [stateDir = "", name = ""] = process.argv.slice(2);
const trail = createAuditFile({ stateDir, clock: { now: Date.now } });
let next = 0;

async function caller(): Promise<never> {
  for (;;) {
    const target = `${name}-${next++}`;
    await trail.append({ phase: "event", action: "agent.create", actor: "key1", target });
    writeSync(1, `${target}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, caller));
