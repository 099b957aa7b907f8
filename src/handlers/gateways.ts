import { route } from "../http/call.ts";
import { GatewayCordoned, GatewayList } from "../schema/gateway.ts";
import { cordonGateway } from "../service/gateways/cordon-gateway.ts";
import { listGateways } from "../service/gateways/list-gateways.ts";

export const listGatewaysRoute = route({
  method: "GET",
  path: "/gateways",
  operationId: "listGateways",
  summary: "The gateways that agents are on, with their room; a deployment that has agents itself is its one",
  scope: "token",
  response: { status: 200, description: "All of them, silent ones included", schema: GatewayList },
  problems: [],
  async handle({ context, caller }) {
    return { body: await listGateways(context, caller) };
  },
});

const either = (verb: "cordon" | "uncordon", summary: string) =>
  route({
    method: "POST",
    path: `/gateways/:id/${verb}`,
    operationId: `${verb}Gateway`,
    summary,
    scope: "provisioning:admin",
    response: { status: 200, description: "Whether it is cordoned now", schema: GatewayCordoned },
    problems: ["gateway_not_found"],
    async handle({ context, caller, params }) {
      return { body: await cordonGateway(context, caller, params.id!, verb === "cordon") };
    },
  });

export const cordonGatewayRoute = either("cordon", "Have a gateway take no new agents; those that it has stay");
export const uncordonGatewayRoute = either("uncordon", "Have a cordoned gateway take new agents again");
