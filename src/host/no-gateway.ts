import { Problem } from "../errors.ts";

export const noGateway = (gateway: string): Problem =>
  new Problem(
    "gateway_not_found",
    `There is no gateway "${gateway}": this deployment has none to choose from. Leave it out.`,
  );
