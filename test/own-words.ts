import * as z from "zod/mini";
import "../src/schema/wording.ts";

// Miniflare brings a zod of its own, which sets its words for faults in a place that all zods of a process share: a test file
// after it has this service's words again.
const kept = globalThis as { ownWords?: ReturnType<typeof z.config>["localeError"] };
kept.ownWords ??= z.config().localeError;
z.config({ localeError: kept.ownWords });
