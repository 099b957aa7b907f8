/**
 * Every tool that OpenClaw has of itself, and who may have it. A tool that is not here is nobody's: `npm run
 * openclaw-doors` fails on one that a newer OpenClaw brings, until it stands here.
 *
 * - `own`: works on the agent's own files, memory, sessions and sub-agents, with the agent's own key.
 * - `asked`: the same, or something outside that the operator pays for; only where `tools` names it.
 * - `peers`: reaches other agents' sessions; only where `peers` names them, and held to those.
 * - `sandbox`: runs programs; only inside OpenClaw's sandbox.
 * - `trusted`: works on the machine, the gateway or another's devices, with the operator's own reach.
 */
export type ToolUse = "own" | "asked" | "peers" | "sandbox" | "trusted";

/** The verdict on one tool of OpenClaw. */
export interface ToolDecision {
  use: ToolUse;
  /** On whose key or account, in words. */
  spends?: string;
}

const all = (use: ToolUse, names: string): Record<string, ToolDecision> =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, { use }]),
  );

export const toolTable: Readonly<Record<string, ToolDecision>> = {
  ...all(
    "own",
    `read write edit apply_patch ls memory_search memory_get message sessions_spawn sessions_yield subagents
     tool_search tool_call tool_describe`,
  ),

  get_goal: { use: "asked", spends: "nothing" },
  create_goal: { use: "asked", spends: "nothing" },
  update_goal: { use: "asked", spends: "the agent's own key, for the turns that the goal takes" },
  progress_card: { use: "asked", spends: "nothing" },
  ask_user: { use: "asked", spends: "nothing" },
  show_widget: { use: "asked", spends: "nothing" },
  heartbeat_respond: { use: "asked", spends: "nothing" },
  view_image: { use: "asked", spends: "the operator's, where `agents.defaults.imageModel` or a default model is set" },
  web_fetch: { use: "asked", spends: "nothing, or the key of the operator's fetch provider" },
  web_search: { use: "asked", spends: "the key of the operator's search provider" },
  x_search: { use: "asked", spends: "the operator's xAI key" },
  code_execution: { use: "asked", spends: "the operator's xAI key" },
  pdf: { use: "asked", spends: "the key of the operator's PDF model" },
  tts: { use: "asked", spends: "the key of the operator's speech provider" },
  image_generate: { use: "asked", spends: "the key of the operator's image provider" },
  music_generate: { use: "asked", spends: "the key of the operator's music provider" },
  video_generate: { use: "asked", spends: "the key of the operator's video provider" },

  ...all("peers", "sessions_list sessions_history sessions_send"),
  ...all("sandbox", "exec process"),
  ...all(
    "trusted",
    `agents_list agents_wait automations conversations_list conversations_send conversations_turn session_status
     sessions sessions_search suggest_task dismiss_task skill_workshop secrets
     gateway openclaw plugins github_identity_status github_publish
     browser canvas computer dashboard mobile_ui nodes portal screen terminal theme`,
  ),
  // Tools of the plugins that come with it.
  ...all(
    "trusted",
    `crabbox file_fetch dir_list dir_fetch file_write intent llm-task node_inference onepassword talk_voice
     wiki_apply wiki_get wiki_lint wiki_search wiki_status
     workboard_list workboard_create workboard_link workboard_read workboard_claim workboard_heartbeat
     workboard_complete workboard_attachment_add workboard_attachment_read workboard_attachment_delete
     workboard_block workboard_boards workboard_board_create workboard_board_archive workboard_board_delete
     workboard_stats workboard_runs workboard_specify workboard_decompose workboard_notify_subscribe
     workboard_notify_list workboard_notify_events workboard_notify_advance workboard_notify_unsubscribe
     workboard_promote workboard_reassign workboard_reclaim workboard_dispatch workboard_release workboard_comment
     workboard_proof workboard_worker_log workboard_protocol_violation workboard_unblock workboard_move`,
  ),
};

/** Names in the order of the table. */
export const toolsOf = (use: ToolUse): string[] =>
  Object.keys(toolTable).filter((name) => toolTable[name]!.use === use);

/** Tools that reach, or may name, other agents' sessions, beside those for peers. No agent that is held has them. */
export const acrossAgents: readonly string[] = [
  ...`agents_list automations conversations_list conversations_send conversations_turn session_status sessions
      sessions_search openclaw`.split(/\s+/),
];

/** The tools that put files into a workspace, programs aside. */
export const writingTools: readonly string[] = ["write", "edit", "apply_patch"];

/** The plugin looks at each call of these; where there is no plugin, an agent that is held has none of them. */
export const lookedAtTools: readonly string[] = [
  ...toolsOf("peers"),
  ...acrossAgents,
  "sessions_spawn",
  "message",
  ...writingTools,
];
