import { expect, it } from "vitest";
import { RotateAiKey } from "../../src/schema/ai-key.ts";
import { CreateAgent } from "../../src/schema/create-agent.ts";
import { UsageQuery } from "../../src/schema/usage.ts";
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

it("says of a value out of bounds what they are", () => {
  expect(faults({ name: "a", workspace: "", bind: Array(101).fill("a") })).toEqual([
    "workspace: must not be empty",
    "bind: at most 100 items",
  ]);
  const { issues } = RotateAiKey.safeParse({ graceSeconds: -1 }, wording).error!;
  expect(issues[0]!.message).toBe("must be at least 0");
  const days = UsageQuery.safeParse({ from: "yesterday" }, wording).error!;
  expect(days.issues[0]!.message).toBe("must be a day, such as 2026-11-22");
  const level = () => parseSettings({ logging: { level: "loud" } }, "x");
  expect(level).toThrow('x: logging.level is "loud"; must be one of debug, info, warn, error');
});

it("says the same of settings", () => {
  const settings = (gateways: unknown) => () =>
    parseSettings({ gateway: { provisioning: { host: { gateways } } } }, "x");
  expect(settings([{ id: "east" }])).toThrow(/gateways\.0\.token: is required/);
  expect(() => parseSettings({ gateway: { provisioning: { maxAgentsPerKey: "many" } } }, "x")).toThrow(
    'x: gateway.provisioning.maxAgentsPerKey is "many"; must be a number',
  );
});
