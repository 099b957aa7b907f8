import fc from "fast-check";
import { expect, it } from "vitest";
import { missingScopes } from "../../src/domain/scope.ts";
import { CreateProvisioningKey, scopes } from "../../src/schema/provisioning-key.ts";

const some = fc.subarray([...scopes]);

it("nothing is missing exactly where everything needed is held", () => {
  fc.assert(
    fc.property(some, some, (held, needed) => {
      const missing = missingScopes(held, needed);
      expect(missing.length === 0).toBe(needed.every((scope) => held.includes(scope)));
      for (const scope of missing) expect(held).not.toContain(scope);
      expect(missingScopes([...held, ...missing], needed)).toEqual([]);
    }),
  );
});

it("holding more never takes anything away", () => {
  fc.assert(
    fc.property(some, some, some, (held, more, needed) => {
      expect(missingScopes([...held, ...more], needed).length).toBeLessThanOrEqual(missingScopes(held, needed).length);
    }),
  );
});

it("the administrator's scope holds no agent's scope by itself", () => {
  expect(missingScopes(["provisioning:admin"], ["agents:create", "agents:delete"])).toEqual([
    "agents:create",
    "agents:delete",
  ]);
});

it("a key cannot be made with a scope that there is not, or without any", () => {
  const unknown = fc.oneof(fc.string(), fc.constantFrom("*", "agents:*", "AGENTS:CREATE", " agents:create", "agents"));
  fc.assert(
    fc.property(some, unknown, (known, other) => {
      fc.pre(!(scopes as readonly string[]).includes(other));
      expect(CreateProvisioningKey.safeParse({ name: "x", scopes: [...known, other] }).success).toBe(false);
    }),
  );
  expect(CreateProvisioningKey.safeParse({ name: "x", scopes: [] }).success).toBe(false);
});
