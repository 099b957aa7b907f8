import { Problem } from "../../src/errors.ts";
import { GatewayAway, type GatewayRpc } from "./gateway-rpc.ts";

/** From outside of its process: a running gateway goes on with the key that it has read, until it is told. */
export const announceKeyTo =
  (gateway: GatewayRpc) =>
  async (agentId: string): Promise<void> => {
    try {
      await gateway.request("models.authRefresh", { operation: "update", agentId });
    } catch (cause) {
      if (cause instanceof GatewayAway) return;
      throw new Problem("gateway_failed", "The gateway did not take up the new key.", { cause });
    }
  };
