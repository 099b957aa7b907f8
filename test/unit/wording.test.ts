import { expect, it } from "vitest";
import { CreateAgent } from "../../src/schema/create-agent.ts";
import { wording } from "../../src/schema/wording.ts";
import { parseSettings } from "../../src/settings.ts";

const faults = (body: unknown) =>
  CreateAgent.safeParse(body, wording).error!.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

it("says of a field that is missing that it is required, and of a wrong one what it must be", () => {
  expect(faults({})).toEqual(["name: is required"]);
  expect(faults({ name: "a", autoProvisionAiKey: {} })).toEqual(["autoProvisionAiKey.provider: is required"]);
  expect(faults({ name: 1, bind: "telegram", skipBootstrap: "yes", labels: [] })).toEqual([
    "name: must be a string",
    "bind: must be an array",
    "skipBootstrap: must be true or false",
    "labels: must be an object",
  ]);
});

it("says the same of settings", () => {
  const settings = (gateways: unknown) => () =>
    parseSettings({ gateway: { provisioning: { host: { gateways } } } }, "x");
  expect(settings([{ id: "east" }])).toThrow(/gateways\.0\.token: is required/);
  expect(() => parseSettings({ gateway: { provisioning: { maxAgentsPerKey: "many" } } }, "x")).toThrow(
    'x: gateway.provisioning.maxAgentsPerKey is "many"; must be a number',
  );
});
