import { expect, it } from "vitest";
import { adoptionFor, requestFor } from "../../src/host/gateway-requests.ts";

const hold = { confinement: "sandbox" as const, tools: ["web_search"], peers: ["b"], heldToQuota: true };

it("asks a gateway for all that was asked of the control plane", () => {
  const rest = { name: "A", workspace: "~/a", model: "m", identity: { name: "Ada" }, skipBootstrap: true };
  const { bindings: bind, ...same } = { ...rest, ...hold, bindings: ["telegram:ops"] };
  expect(requestFor({ ...same, bindings: bind })).toEqual({ ...same, bind });
  expect(adoptionFor({ model: "m", ...hold })).toEqual({ model: "m", ...hold });
});

it("says nothing of what was not asked for, which an earlier release may not know", () => {
  const plain = { name: "A", bindings: [], skipBootstrap: false, heldToQuota: false };
  expect(requestFor(plain)).toEqual({ name: "A" });
  expect(adoptionFor({ model: undefined, heldToQuota: false })).toEqual({});
  expect(adoptionFor({ tools: [], peers: [] })).toEqual({ tools: [], peers: [] });
});
