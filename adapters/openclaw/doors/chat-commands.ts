import type { OpenClawConfig } from "../openclaw-config.ts";
import { confined } from "./message-content.ts";

/**
 * Commands of OpenClaw's that whoever speaks with an agent may type, and that reach beyond it: speech is an order at the
 * operator's provider, whose voices `/voice` lists with the operator's key, and a workboard's cards are the gateway's.
 * Before a command OpenClaw takes away a mention, what stands in brackets and the speaker's name, with or without a space
 * behind, and finds a plugin's command behind `/ ` too, in whatever case Unicode knows.
 */
const beyond =
  /(?:(?:^|[>\]:]|@[^\s/@]+) ?\/ ?|(?: |^[^\s/]+)\/)(tts|voice|talkvoice|workboard)(?:@[^\s:]*)?(?=(?: ?: ?| |$)(\w*))/giu;

/** A line's end may be written out. */
const oneLine = (text: string): string => text.replaceAll("\\n", " ").replace(/\s+/g, " ").trim();

/** OpenClaw keeps these for all agents of a gateway. */
const forAll = new Set(["on", "off", "provider", "persona", "limit", "summary"]);

/** Why what is said to a confined agent may not be carried out as a command. */
export function refusalOfCommand(
  texts: readonly string[],
  agentId: string,
  config: OpenClawConfig,
  stateDir: string,
): string | undefined {
  const agent = confined(config, agentId, stateDir);
  if (!agent) return undefined;
  for (const [, command, action] of texts.flatMap((text) => [...oneLine(text).matchAll(beyond)])) {
    const isSpeech = command!.toLowerCase() === "tts";
    if (isSpeech && agent.hold.tools.includes("tts") && !forAll.has(action!.toLowerCase())) continue;
    return `The command /${command!.toLowerCase()} is not this agent's.`;
  }
  return undefined;
}
