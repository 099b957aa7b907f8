import { Problem } from "../../errors.ts";
import type { GatewayCordoned } from "../../schema/gateway.ts";
import { gatewayPlaces } from "../../storage/ledger-names.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { lookUpGateway } from "./gateway-places.ts";
import { ownId } from "./own-id.ts";

/** @param gateway `undefined` is the deployment's own host */
export const isCordoned = async ({ ledger }: Context, gateway: string | undefined): Promise<boolean> =>
  (await ledger.get(gatewayPlaces(gateway).cordoned)) !== undefined;

/** @throws Problem `gateway_cordoned` */
export async function requireOpen(context: Context, gateway: string | undefined): Promise<void> {
  if (!(await isCordoned(context, gateway))) return;
  const [which, id] =
    gateway === undefined ? ["This gateway", await ownId(context)] : [`The gateway "${gateway}"`, gateway];
  throw new Problem(
    "gateway_cordoned",
    `${which} was cordoned and takes no new agents; \`gateways uncordon ${id}\` has it take them again.`,
  );
}

/**
 * A cordoned gateway takes no new agents, and keeps those that it has.
 * @throws Problem `gateway_not_found`
 */
export async function cordonGateway(
  context: Context,
  caller: Caller,
  id: string,
  cordoned: boolean,
): Promise<GatewayCordoned> {
  const { cordoned: name } = gatewayPlaces(await requireKnown(context, id));
  const action = cordoned ? "gateway.cordon" : "gateway.uncordon";
  await auditedChange(context, caller, { action, target: id }, () =>
    context.ledger.put(name, cordoned ? "1" : undefined),
  );
  return { id, cordoned };
}

/** @returns by which name its places are kept */
async function requireKnown(context: Context, id: string): Promise<string | undefined> {
  if (context.host.gateways) {
    const found = await lookUpGateway(context, id);
    if (found) return found.id;
  } else if (id === (await ownId(context))) return undefined;
  throw new Problem("gateway_not_found", `There is no gateway "${id}"; \`gateways list\` shows those there are.`);
}
