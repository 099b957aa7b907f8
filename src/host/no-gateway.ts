import { Problem } from "../errors.ts";

/** The refusal of hosts that have no gateways, when a caller names one. */
export const noGateway = (gateway: string): Problem =>
  new Problem(
    "gateway_not_found",
    `There is no gateway "${gateway}": this deployment has none to choose from. Leave it out.`,
  );
