import { creationFate } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import type { Operation } from "./operation.ts";

export type CreateOutcome = "finished" | "undone";

/** Far longer than a process sleeps that may wake in the middle of it. */
const keptMs = 7 * 86_400_000;

/**
 * Decides what becomes of a creation that broke off. The first who decides does so for all: its own process, which may
 * only have slept, must not undo what another has finished since, nor keep what another undoes.
 */
export async function decideOutcome(
  { ledger }: Context,
  { agentId, operationId }: Operation,
  meant: CreateOutcome,
): Promise<CreateOutcome> {
  const name = creationFate(agentId, operationId);
  if (await ledger.replace(name, undefined, meant, keptMs)) return meant;
  return (await ledger.get(name)) === "finished" ? "finished" : "undone";
}
