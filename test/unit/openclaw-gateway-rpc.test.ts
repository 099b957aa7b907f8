import { expect, it, vi } from "vitest";
import { GatewayAway, GatewayRefusal, retryRefused } from "../../adapters/openclaw/gateway-rpc.ts";

const reloading = new GatewayRefusal({
  code: "UNAVAILABLE",
  message: "PluginInstanceUnavailableError: Plugin openai was reloaded or disabled; use its current tools.",
});

const answering = (...failures: Error[]) => {
  const once = vi.fn(async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return "answered";
  });
  return { once, request: retryRefused(once as never) };
};

it("asks a gateway again that is reloading a plugin", async () => {
  const { once, request } = answering(reloading, reloading);
  expect(await request("agents.list", {})).toBe("answered");
  expect(once).toHaveBeenCalledTimes(3);
});

it("comes back when the gateway says that there is room", async () => {
  const { once, request } = answering(
    new GatewayRefusal({ code: "RATE_LIMITED", message: "slow down", retryAfterMs: 1 }),
  );
  expect(await request("agents.list", {})).toBe("answered");
  expect(once).toHaveBeenCalledTimes(2);
});

it.each([
  ["a refusal for good", new GatewayRefusal({ code: "INVALID_REQUEST", message: "no such agent" })],
  ["a wait that is too long", new GatewayRefusal({ code: "RATE_LIMITED", message: "slow down", retryAfterMs: 60_000 })],
  ["a gateway that is away", new GatewayAway("the gateway cannot be reached")],
])("takes %s for an answer", async (_, failure) => {
  const { once, request } = answering(failure);
  await expect(request("agents.list", {})).rejects.toBe(failure);
  expect(once).toHaveBeenCalledTimes(1);
});
