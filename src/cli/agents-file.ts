import type * as z from "zod/mini";
import { agentIdFrom } from "../domain/agent-id.ts";
import { parsedJson } from "../domain/parsed-json.ts";
import { CreateAgent } from "../schema/create-agent.ts";
import { quotaNames } from "../schema/quota.ts";
import { wording } from "../schema/wording.ts";
import { wrongUsage } from "./failure.ts";
import { readCsv } from "./read-csv.ts";

/** One agent of a file, with its place for messages. */
export interface FileEntry {
  /** Such as `line 3` or `entry 3`. */
  place: string;
  body: CreateAgent;
}
/** A fault of one entry. No agent is made where there is any. */
export interface FileFault {
  place: string;
  field: string;
  why: string;
}
interface Raw {
  place: string;
  value: unknown;
}

const list = (cell: string): string[] => cell.split(";").map((item) => item.trim());
/** A cell that is no number or boolean stays a text. The schema refuses it in words. */
const number = (cell: string): number | string => (/^\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell);
const yesOrNo = (cell: string): boolean | string => (cell === "true" ? true : cell === "false" ? false : cell);
const text = (cell: string): string => cell;
const aiKey = "autoProvisionAiKey.";

/** Columns are the fields of a create, by their paths. */
const columns: ReadonlyMap<string, (cell: string) => unknown> = new Map<string, (cell: string) => unknown>([
  ...["name", "workspace", "model", "gateway", "confinement", "expiresAt"].map((path) => [path, text] as const),
  ...["bind", "tools", "peers", `${aiKey}models`].map((path) => [path, list] as const),
  ...["skipBootstrap", "revealAiKey", "heldToQuota"].map((path) => [path, yesOrNo] as const),
  ...["identity.name", "identity.emoji", "identity.avatar"].map((path) => [path, text] as const),
  ...["provider", "mode", "expiresAt"].map((path) => [aiKey + path, text] as const),
  [`${aiKey}budgetUsdPerMonth`, number],
  ...quotaNames.map((name) => [`${aiKey}quotas.${name}`, number] as const),
]);
const labelColumn = /^labels\.(.+)$/;

/**
 * The agents of a file: a JSON array, an object with `agents`, JSON lines, or CSV with a header row.
 *
 * @throws wrong usage where the file as a whole cannot be read
 */
export function readAgentsFile(content: string): { entries: FileEntry[]; faults: FileFault[] } {
  const raws = rawEntries(content.replace(/^\ufeff/, ""));
  if (raws.length === 0) throw wrongUsage("the file names no agents");
  const entries: FileEntry[] = [];
  const faults: FileFault[] = [];
  const placeOf = new Map<string, string>();
  for (const { place, value } of raws) {
    const parsed = CreateAgent.safeParse(value, wording);
    if (!parsed.success) {
      faults.push(...faultsOf(place, parsed.error));
      continue;
    }
    const agentId = agentIdFrom(parsed.data.name);
    const earlier = agentId === undefined ? undefined : placeOf.get(agentId);
    if (earlier !== undefined) faults.push({ place, field: "name", why: `has the id of ${earlier}, "${agentId}"` });
    else if (agentId !== undefined) placeOf.set(agentId, place);
    entries.push({ place, body: parsed.data });
  }
  return { entries, faults };
}

const faultsOf = (place: string, { issues }: z.core.$ZodError): FileFault[] =>
  issues.flatMap((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
    if (keys.length === 0) return [{ place, field: issue.path.join("."), why: issue.message }];
    return keys.map((key) => ({ place, field: [...issue.path, key].join("."), why: "is not a field" }));
  });

function rawEntries(content: string): Raw[] {
  const begin = content.trimStart()[0];
  if (begin === undefined) return [];
  if (begin !== "[" && begin !== "{") return csvEntries(content);
  const whole = parsedJson(content);
  if (whole === undefined && begin === "{") return jsonLines(content);
  if (whole === undefined) throw wrongUsage("the file begins as a JSON array, and is not valid JSON");
  const given = (whole as { agents?: unknown }).agents ?? whole;
  const values: unknown[] = Array.isArray(given) ? given : [given];
  return values.map((value, at) => ({ place: `entry ${at + 1}`, value }));
}

function jsonLines(content: string): Raw[] {
  return content.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    const value = parsedJson(line);
    if (value === undefined) throw wrongUsage(`line ${at + 1} is not valid JSON`);
    return [{ place: `line ${at + 1}`, value }];
  });
}

function csvEntries(content: string): Raw[] {
  const rows = readCsv(content);
  if (typeof rows === "number") throw wrongUsage(`line ${rows} of the CSV has a quote that does not end`);
  const [header, ...rest] = rows;
  const paths = header!.cells.map((cell) => cell.trim());
  const unknown = paths.filter((path) => !columns.has(path) && !labelColumn.test(path));
  if (unknown.length > 0 || !paths.includes("name")) {
    const why = unknown.length > 0 ? `no column "${unknown[0]}" is known` : 'the header row has no column "name"';
    throw wrongUsage(`${why}; columns are ${[...columns.keys()].join(", ")} and labels.<name>`);
  }
  if (new Set(paths).size < paths.length) throw wrongUsage("the header row names a column twice");
  return rest.map(({ line, cells }) => {
    if (cells.length > paths.length) throw wrongUsage(`line ${line} has more cells than the header row`);
    return { place: `line ${line}`, value: bodyOf(paths, cells) };
  });
}

/** An empty cell is a field that is not given. */
function bodyOf(paths: readonly string[], cells: readonly string[]): unknown {
  const given = paths.flatMap((path, at) => {
    const cell = (cells[at] ?? "").trim();
    return cell === "" ? [] : [[path, (columns.get(path) ?? text)(cell)] as const];
  });
  return nested(given);
}

function nested(given: readonly (readonly [path: string, value: unknown])[]): object {
  const groups = new Map<string, [string, unknown][]>();
  const own: [string, unknown][] = [];
  for (const [path, value] of given) {
    const [, group, rest] = /^(labels|identity|autoProvisionAiKey|quotas)\.(.+)$/.exec(path) ?? [];
    if (group === undefined) own.push([path, value]);
    else groups.set(group, [...(groups.get(group) ?? []), [rest!, value]]);
  }
  const below = [...groups].map(([group, fields]) => {
    return [group, group === "labels" ? Object.fromEntries(fields) : nested(fields)] as const;
  });
  return Object.fromEntries([...own, ...below]);
}
