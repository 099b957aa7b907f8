import { Problem } from "../../errors.ts";
import type { AgentDetail } from "../../schema/agent.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { saveAgent } from "../state/agent-record.ts";
import { changeAiKeyState } from "../state/ai-key-state.ts";
import { requireNotEnded } from "./agent-end.ts";
import { getAgent, requireAiKey } from "./agent-view.ts";
import { changeAgent } from "./change-agent.ts";

/** Stops the agent's AI key at once (`suspended: true`), or restores it; repeating either changes nothing. */
export async function suspendAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  suspended: boolean,
): Promise<AgentDetail> {
  const action = suspended ? "agent.suspend" : "agent.resume";
  const change = { action, agentId, goesBeforeKeyChange: suspended };
  await changeAgent(context, caller, change, async (agent, _, { hold, pendingKeyChange, leave }) => {
    const aiKey = await requireAiKey(context, agent);
    if (aiKey.mode === "minted") {
      throw new Problem(
        "mode_not_supported",
        'A minted key works at its provider without us and cannot be suspended; delete the agent, or use the mode "virtual".',
      );
    }
    if (!suspended) requireNotEnded(context, agent.record);
    const status = suspended ? "suspended" : "active";
    try {
      for (const keyId of new Set([aiKey.keyId, pendingKeyChange?.aiKeyId ?? aiKey.keyId])) {
        await changeAiKeyState(context, keyId, (state) => ({ ...state, status }));
      }
      await hold();
      if (agent.record) await saveAgent(context, { ...agent.record, suspended });
    } catch (error) {
      // The meter may have what the record does not.
      if (!pendingKeyChange) leave();
      throw error;
    }
  });
  return await getAgent(context, caller, agentId);
}
