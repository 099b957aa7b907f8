import type { GatewayCordoned, GatewayList } from "../schema/gateway.ts";
import type { CallOptions } from "./call.ts";
import { below, type Requests } from "./requests.ts";

/** Calls of `client.gateways`; each is made again after an answer that was lost. */
export const gatewayCalls = ({ read, post }: Requests) => ({
  list: (at?: CallOptions) => read<GatewayList>("/gateways", undefined, at),
  /** It takes no new agents from then on; those that it has stay. */
  cordon: (id: string, at?: CallOptions) =>
    post<GatewayCordoned>(below("gateways", id, "/cordon"), undefined, true, at),
  uncordon: (id: string, at?: CallOptions) =>
    post<GatewayCordoned>(below("gateways", id, "/uncordon"), undefined, true, at),
});
