import { isRecord } from "../../domain/is-record.ts";
import { type BodyFields, list, textOf } from "./body-fields.ts";

/** A tool that runs at the provider, as it stands in a request. */
export interface HostedTool {
  name: string;
  /** The tool as the client wrote it. */
  value: unknown;
  /** The place where it can be left out: a field of the body, an item of `tools`, or a field of such an item (Gemini). */
  place: { field: string } | { item: number; field: string | undefined } | undefined;
}

/** All of a request's. */
export interface HostedTools {
  names: readonly string[];
  /** How often they may be called, as far as the request says so; {@link usualCalls} of each tool otherwise. */
  calls: number;
  /** The most web searches, where all of them are that and each states its maximum. */
  statedSearches: number | undefined;
  /** Fields that leave them out; `undefined` where the request forces one, or has it where none can be left out. */
  leftOut: Record<string, unknown> | undefined;
}

/** No provider states how often a model may call a tool in one answer. */
const usualCalls = 5;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * The bound of the provider's own tools: each tool's `max_uses`, or a usual number where it states none, and
 * `max_tool_calls` over all of them.
 * @returns `undefined` without such a tool
 */
export function hostedTools(body: BodyFields, tools: readonly HostedTool[]): HostedTools | undefined {
  if (tools.length === 0) return undefined;
  const calls = tools.reduce((sum, { value }) => {
    const stated = isRecord(value) ? value.max_uses : undefined;
    return sum + (isCount(stated) ? stated : usualCalls);
  }, 0);
  const most = body.get("max_tool_calls");
  return {
    names: [...new Set(tools.map(({ name }) => name))],
    calls: isCount(most) ? Math.min(calls, most) : calls,
    statedSearches: statedSearches(tools),
    leftOut: withoutTools(body, tools),
  };
}

function statedSearches(tools: readonly HostedTool[]): number | undefined {
  let searches = 0;
  for (const { value } of tools) {
    if (!isRecord(value) || !/^web_search_\d+$/.test(textOf(value.type)) || !isCount(value.max_uses)) return undefined;
    searches += value.max_uses;
  }
  return searches;
}

function withoutTools(body: BodyFields, tools: readonly HostedTool[]): Record<string, unknown> | undefined {
  const choice = body.get("tool_choice");
  const named = textsIn(choice);
  const fields: Record<string, unknown> = {};
  const kept: unknown[] = [...list(body.get("tools"))];
  for (const { name, value, place } of tools) {
    if (place === undefined || named.has(name)) return undefined;
    if (isRecord(value) && (named.has(textOf(value.type)) || named.has(textOf(value.name)))) return undefined;
    if (!("item" in place)) fields[place.field] = undefined;
    else if (place.field === undefined) kept[place.item] = undefined;
    else kept[place.item] = { ...(kept[place.item] as object), [place.field]: undefined };
  }
  if (!tools.some(({ place }) => place && "item" in place)) return fields;
  const rest = kept.filter((tool) => tool !== undefined && (!isRecord(tool) || holdsAny(tool)));
  if (rest.length > 0) return { ...fields, tools: rest };
  if (named.has("required") || named.has("any")) return undefined;
  // Each of them is an error without tools.
  return { ...fields, tools: undefined, tool_choice: undefined, parallel_tool_calls: undefined, toolConfig: undefined };
}

const holdsAny = (tool: Record<string, unknown>): boolean => Object.values(tool).some((value) => value !== undefined);

/** A choice by type, by name, of several tools, or of one that is required. */
function textsIn(value: unknown, texts = new Set<string>()): Set<string> {
  if (typeof value === "string") texts.add(value);
  else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) textsIn(inner, texts);
  return texts;
}
