import { claudeOutputLimits } from "../anthropic/output-limits.ts";
import { geminiOutputLimits } from "../gemini/output-limits.ts";
import { openAiOutputLimits } from "../openai/output-limits.ts";
import { maxOutputIn } from "./output-bounds.ts";

const ofAll = [...openAiOutputLimits, ...claudeOutputLimits, ...geminiOutputLimits];

/** The limit of a router's model, for every server of it: the names are their makers', behind a vendor's. */
export const routedMaxOutput = (model: string): number | undefined =>
  maxOutputIn(ofAll, model.slice(model.lastIndexOf("/") + 1));
