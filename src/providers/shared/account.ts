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
  const walk = new Walk(media, rules);
  walk.whole(body, shape);
  return walk;
}

/** A class: each request has one, and closures over as much would be several times the garbage. */
class Walk implements Account {
  readonly media: MediaCounter;
  readonly models = new Set<string>();
  readonly hostedTools: HostedTool[] = [];
  beyond = 0;
  unbounded: string | undefined;
  fault: string | undefined;
  readonly #rules: WalkRules;
  readonly #path: string[] = [];
  /** The index in `tools`. */
  #item: number | undefined;
  #keys = 0;

  constructor(media: MediaCounter, rules: WalkRules) {
    this.media = media;
    this.#rules = rules;
  }

  whole({ value, keys }: Pick<BodyFields, "value" | "keys">, shape: Shape): void {
    this.#fieldsOf(value, shape);
    // `JSON.parse` keeps the last of several equal keys, and other parsers keep the first.
    if (this.#keys !== keys) this.fault ??= "an object in the body has a key that stands more than once";
    if (this.models.size > mostModels) this.fault ??= `the body names more than ${mostModels} models`;
  }

  hosted(name: string, value: unknown): void {
    this.hostedTools.push({ name, value, place: this.#place() });
  }

  printed(value: unknown): void {
    if (!this.#rules.templates) {
      this.beyond += numbersBeyond(value);
      return;
    }
    const printed = printedBeyond(value);
    if (printed === undefined) this.unbounded ??= `a tool's definition is nested deeper than ${maxPrintedDepth} levels`;
    else this.beyond += printed;
  }

  #place(): HostedTool["place"] {
    const [first, second, ...deeper] = this.#path;
    if (first === undefined || deeper.length > 0) return undefined;
    if (first !== "tools") return second === undefined ? { field: first } : undefined;
    // Tools may hold others, and an environment be one's own.
    if (this.#item === undefined || second === "tools") return undefined;
    return { item: this.#item, field: second === "environment" ? undefined : second };
  }

  #list(values: readonly unknown[], verdict: Verdict, name: string): void {
    const outermost = this.#path.length === 1;
    for (let at = 0; at < values.length; at++) {
      if (outermost) this.#item = at;
      this.#value(values[at], verdict, name);
    }
    if (outermost) this.#item = undefined;
  }

  #unknown(value: unknown, place: string): void {
    this.#keys += keysIn(value);
    namesIn(value, false, this.models);
    if (this.unbounded !== undefined || this.#rules.boundedFields.includes(place)) return;
    this.unbounded = notKnown(place);
  }

  #value(value: unknown, verdict: Verdict, name: string): void {
    if (verdict === "harmless" || (verdict.kind !== "object" && verdict.kind !== "tagged")) this.#keys += keysIn(value);
    if (verdict === "harmless") return;
    switch (verdict.kind) {
      case "object":
        if (Array.isArray(value)) this.#list(value, verdict, name);
        else if (isRecord(value)) this.#fieldsOf(value, verdict);
        return;
      case "tagged":
        if (Array.isArray(value)) this.#list(value, verdict, name);
        else if (isRecord(value)) {
          const tag = value[verdict.tag];
          const inner = tag === undefined || tag === null ? verdict.untagged : verdict.by.get(tag as string);
          if (inner !== undefined) this.#value(value, inner, textOf(tag));
          else this.#unknown(value, `${this.#path.join(".")}:${tag === undefined ? "untyped" : textOf(tag)}`);
        }
        return;
      case "model":
        for (const one of Array.isArray(value) ? value : [value]) {
          if (typeof one === "string") this.models.add(one);
        }
        return;
      case "read":
        verdict.read(value, this);
        return;
      case "hosted":
        if (value === undefined || value === null) return;
        if (verdict.names !== undefined) this.models.add(verdict.names);
        namesIn(value, false, this.models);
        this.hosted(name, value);
        return;
      case "refused":
        if (!isSetValue(value)) return;
        if (verdict.names !== undefined) this.models.add(verdict.names);
        namesIn(value, naming.test(name), this.models);
        this.unbounded ??= verdict.reason;
        return;
      case "steering":
        if (isSetValue(value)) this.fault ??= `${name} cannot be set through this proxy`;
        return;
      default:
        verdict satisfies never;
    }
  }

  #fieldsOf(record: Readonly<Record<string, unknown>>, shape: Shape): void {
    shape.also?.(record, this);
    const names = Object.keys(record);
    this.#keys += names.length;
    for (const name of names) {
      const verdict = shape.fields.get(name);
      const value = record[name];
      if (verdict === "harmless") {
        if (typeof value === "object") this.#keys += keysIn(value);
        continue;
      }
      this.#path.push(name);
      if (verdict !== undefined) this.#value(value, verdict, name);
      else if (value !== null) {
        if (this.#rules.steers?.test(name)) this.fault ??= `${name.slice(0, 64)} cannot be set through this proxy`;
        const place = this.#path.join(".");
        if (naming.test(name)) namesIn(value, true, this.models);
        this.#unknown(value, place);
      }
      this.#path.pop();
    }
  }
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
