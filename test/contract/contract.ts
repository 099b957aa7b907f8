import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adoptTests } from "./adopt-tests.ts";
import { agentTests } from "./agent-tests.ts";
import { aiKeyTests } from "./ai-key-tests.ts";
import { asyncCreateTests } from "./async-create-tests.ts";
import { bulkCreateTests } from "./bulk-create-tests.ts";
import { bulkTests } from "./bulk-tests.ts";
import { changeAiKeyTests } from "./change-ai-key-tests.ts";
import { commonRouteTests } from "./common-route-tests.ts";
import { createWithAuthTests } from "./create-with-auth-tests.ts";
import { eventTests } from "./event-tests.ts";
import { gatewayTests } from "./gateway-tests.ts";
import { guardTests } from "./guard-tests.ts";
import { keyTests } from "./key-tests.ts";
import { labelTests } from "./label-tests.ts";
import { priceTests } from "./price-tests.ts";
import { reachTests } from "./reach-tests.ts";
import { searchTests } from "./search-tests.ts";
import { sessionTests } from "./session-tests.ts";
import { spendTests } from "./spend-tests.ts";
import { ask, type Target } from "./target.ts";
import { textTests } from "./text-tests.ts";
import { healthTests, webhookTests } from "./webhook-tests.ts";

/**
 * One suite, run unchanged against every target.
 *
 * @param parts `host` leaves out the suites of which no part is the host's: a real gateway takes seconds an agent
 */
export function testContract(name: string, make: () => Promise<Target>, parts: "all" | "host" = "all"): void {
  describe(`contract: ${name}`, () => {
    let made: Target;
    const target = () => made;
    beforeAll(async () => {
      made = await make();
    }, 120_000);
    afterAll(async () => {
      await made?.close();
    });

    it("is alive and ready, for anybody", async () => {
      for (const path of ["/healthz", "/readyz"]) {
        const { status } = await ask(made, "GET", made.origin + path, { token: null });
        expect([path, status]).toEqual([path, 200]);
      }
    });

    describe("every route", () => commonRouteTests(target));
    describe("guards", () => guardTests(target));
    describe("keys", () => keyTests(target));
    describe("agents", () => agentTests(target));
    describe("agents with a key that is handed over", () => createWithAuthTests(target));
    describe("adoption", () => adoptTests(target));
    describe("AI keys", () => aiKeyTests(target));
    describe("AI keys at any time", () => changeAiKeyTests(target));
    describe("text", () => textTests(target));
    if (parts === "host") return;
    describe("reach", () => reachTests(target));
    describe("creates that are not waited for", () => asyncCreateTests(target));
    describe("gateways", () => gatewayTests(target));
    describe("labels and ends", () => labelTests(target));
    describe("search", () => searchTests(target));
    describe("many at once", () => bulkTests(target));
    describe("many made at once", () => bulkCreateTests(target));
    describe("prices", () => priceTests(target));
    describe("spending", () => spendTests(target));
    describe("console sessions", () => sessionTests(target));
    describe("webhooks", () => webhookTests(target));
    describe("health", () => healthTests(target));
    describe("events", () => eventTests(target));
  });
}
