import * as z from "zod/mini";
import { parsedJson } from "../../domain/parsed-json.ts";
import { Confinement, StoredIdentity } from "../../schema/agent-fields.ts";

/** A change to an agent that is under way, kept with its lease: enough to finish or undo it after a crash. */
export const Operation = z.object({
  action: z.enum(["create", "adopt", "delete", "release", "key", "change"]),
  operationId: z.string(),
  /** How the trail names a change whose intent it has. */
  audited: z.optional(z.string()),
  /** The operation that made or adopted the agent: its workspace and its place are known by it. */
  creation: z.string(),
  agentId: z.string(),
  gateway: z.optional(z.string()),
  workspace: z.optional(z.string()),
  bindings: z.array(z.string()),
  aiKeyId: z.optional(z.string()),
  /** The key that `aiKeyId` replaces in a change of AI keys, its provider, and the model that was asked for. */
  formerKeyId: z.optional(z.string()),
  formerProvider: z.optional(z.string()),
  model: z.optional(z.string()),
  /** Every key that was ever issued to an agent of this id, in a deletion. */
  issuedKeys: z.optional(z.array(z.string())),
  aiProviderId: z.optional(z.string()),
  minted: z.optional(z.boolean()),
  /** The rest of the request to a gateway, which may arrive there when this process is gone. */
  asked: z.optional(
    z.object({
      name: z.string(),
      model: z.optional(z.string()),
      identity: z.optional(StoredIdentity),
      skipBootstrap: z.boolean(),
      confinement: z.optional(Confinement),
      tools: z.optional(z.array(z.string())),
      peers: z.optional(z.array(z.string())),
      heldToQuota: z.optional(z.boolean()),
    }),
  ),
  /** The agent's maker, who has one place fewer: a provisioning key, or the subject of a JWT. */
  placeKeyId: z.optional(z.string()),
  deleteWorkspace: z.optional(z.boolean()),
  deleteSessions: z.optional(z.boolean()),
});
export type Operation = z.infer<typeof Operation>;

/** A change that leaves nothing but what the host has and the record has not, until it says otherwise. */
export const changeOperation = (
  { agentId, gateway }: Pick<Operation, "agentId" | "gateway">,
  operationId: string,
  audited?: string,
): Operation => ({
  action: "change",
  operationId,
  audited,
  creation: operationId,
  agentId,
  gateway,
  bindings: [],
});

/** The operation record as the lease's note keeps it. */
export const operationText = (operation: Operation): string => JSON.stringify(operation);

/** `undefined` for a text that is no operation record. */
export const parseOperation = (text: string): Operation | undefined => Operation.safeParse(parsedJson(text)).data;

/** Such a change may be left half done: the agent is there and works, and nobody has to wait until it is settled. */
export const mayWait = ({ action }: Operation): boolean => action === "change" || action === "key";
