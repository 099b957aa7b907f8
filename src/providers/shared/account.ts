import { isRecord } from "../../domain/is-record.ts";
import { type BodyFields, isSetValue, list, textOf } from "./body-fields.ts";
import type { HostedTool } from "./hosted-tools.ts";
import type { MediaCounter } from "./media-tokens.ts";
import { maxPrintedDepth, numbersBeyond, printedBeyond } from "./printed-json.ts";
import type { Account, Shape, Verdict } from "./shape.ts";

export interface WalkRules {
  /** Paths that the operator says are bounded by their bytes, as a refusal wrote them. */
  boundedFields: readonly string[];
  /** Names of no list that steer the service all the same. */
  steers?: RegExp | undefined;
  /** Whether models' own templates may print tools, as they do behind addresses of all kinds. */
  templates?: boolean | undefined;
}

/** Far more than any service asks in turn: each is looked up, and some for its price. */
const mostModels = 1_000;

/** Names under which requests name models, in any spelling. */
const naming = /model|fallback/i;

/** @param place as the operator writes it in `proxy.boundedFields` */
export const notKnown = (place: string): string =>
  `"${place.slice(0, 128)}" is not known here, and may bring in what the request does not hold; leave it out, or have the operator list it in gateway.provisioning.proxy.boundedFields`;

/** Reads a body once, by what `shape` says of its parts. */
export function readShape(
  body: Pick<BodyFields, "value" | "keys">,
  shape: Shape,
  media: MediaCounter,
  rules: WalkRules,
): Account {
  const account: Account = {
    media,
    models: new Set(),
    hostedTools: [],
    hosted: (name, value) => void account.hostedTools.push({ name, value, place: placeOf() }),
    printed: rules.templates
      ? (value) => {
          const printed = printedBeyond(value);
          if (printed === undefined)
            account.unbounded ??= `a tool's definition is nested deeper than ${maxPrintedDepth} levels`;
          else account.beyond += printed;
        }
      : (value) => {
          account.beyond += numbersBeyond(value);
        },
    beyond: 0,
    unbounded: undefined,
    fault: undefined,
  };
  const path: string[] = [];
  /** In `tools`. */
  let item: number | undefined;
  let keys = 0;

  function placeOf(): HostedTool["place"] {
    const [first, second, ...deeper] = path;
    if (first === undefined || deeper.length > 0) return undefined;
    if (first !== "tools") return second === undefined ? { field: first } : undefined;
    // Tools may hold others, and an environment be one's own.
    if (item === undefined || second === "tools") return undefined;
    return { item, field: second === "environment" ? undefined : second };
  }

  function walkList(values: readonly unknown[], verdict: Verdict, name: string): void {
    const outermost = path.length === 1;
    for (const [at, value] of values.entries()) {
      if (outermost) item = at;
      walk(value, verdict, name);
    }
    if (outermost) item = undefined;
  }

  function unknown(value: unknown, place: string): void {
    keys += keysIn(value);
    namesIn(value, false, account.models);
    if (account.unbounded !== undefined || rules.boundedFields.includes(place)) return;
    account.unbounded = notKnown(place);
  }

  function walk(value: unknown, verdict: Verdict, name: string): void {
    if (verdict === "harmless" || (verdict.kind !== "object" && verdict.kind !== "tagged")) keys += keysIn(value);
    if (verdict === "harmless") return;
    switch (verdict.kind) {
      case "object":
        if (Array.isArray(value)) walkList(value, verdict, name);
        else if (isRecord(value)) fieldsOf(value, verdict);
        return;
      case "tagged":
        if (Array.isArray(value)) walkList(value, verdict, name);
        else if (isRecord(value)) {
          const tag = value[verdict.tag];
          const inner = tag === undefined || tag === null ? verdict.untagged : verdict.by.get(tag as string);
          if (inner === undefined) unknown(value, `${path.join(".")}:${tag === undefined ? "untyped" : textOf(tag)}`);
          else walk(value, inner, textOf(tag));
        }
        return;
      case "model":
        for (const one of Array.isArray(value) ? value : [value]) {
          if (typeof one === "string") account.models.add(one);
        }
        return;
      case "read":
        verdict.read(value, account);
        return;
      case "hosted":
        if (value === undefined || value === null) return;
        if (verdict.names !== undefined) account.models.add(verdict.names);
        namesIn(value, false, account.models);
        account.hosted(name, value);
        return;
      case "refused":
        if (!isSetValue(value)) return;
        if (verdict.names !== undefined) account.models.add(verdict.names);
        namesIn(value, naming.test(name), account.models);
        account.unbounded ??= verdict.reason;
        return;
      case "steering":
        if (isSetValue(value)) account.fault ??= `${name} cannot be set through this proxy`;
        return;
      default:
        verdict satisfies never;
    }
  }

  function fieldsOf(record: Readonly<Record<string, unknown>>, shape: Shape): void {
    shape.also?.(record, account);
    const names = Object.keys(record);
    keys += names.length;
    for (const name of names) {
      const verdict = shape.fields.get(name);
      const value = record[name];
      if (verdict === "harmless") {
        if (typeof value === "object") keys += keysIn(value);
        continue;
      }
      path.push(name);
      if (verdict !== undefined) walk(value, verdict, name);
      else if (value !== null) {
        if (rules.steers?.test(name)) account.fault ??= `${name.slice(0, 64)} cannot be set through this proxy`;
        const place = path.join(".");
        if (naming.test(name)) namesIn(value, true, account.models);
        unknown(value, place);
      }
      path.pop();
    }
  }

  fieldsOf(body.value, shape);
  // `JSON.parse` keeps the last of several equal keys, and other parsers keep the first.
  if (keys !== body.keys) account.fault ??= "an object in the body has a key that stands more than once";
  if (account.models.size > mostModels) account.fault ??= `the body names more than ${mostModels} models`;
  return account;
}

/** The keys of all objects in a value, nested ones included. */
function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  // Twice as fast as `for ... in` on what was parsed just now.
  const inner = Array.isArray(value) ? value : Object.values(value);
  let keys = inner === value ? 0 : inner.length;
  for (let at = 0; at < inner.length; at++) {
    const one: unknown = inner[at];
    if (typeof one === "object") keys += keysIn(one);
  }
  return keys;
}

/** Collects whatever may be a model's name from something of which no more is known. */
function namesIn(value: unknown, named: boolean, models: Set<string>): void {
  if (typeof value === "string") {
    if (named) models.add(value);
  } else if (Array.isArray(value)) for (const item of list(value)) namesIn(item, named, models);
  else if (isRecord(value)) for (const name in value) namesIn(value[name], named || naming.test(name), models);
}
