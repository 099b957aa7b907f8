import type { HostedTool } from "./hosted-tools.ts";
import type { MediaCounter } from "./media-tokens.ts";

/** The findings of a walk over a body. */
export interface Account {
  readonly media: MediaCounter;
  /** Every model that is named. */
  readonly models: Set<string>;
  readonly hostedTools: HostedTool[];
  /** Takes down a tool that runs at the provider, at the present place. */
  hosted(name: string, value: unknown): void;
  /** Input in tokens that neither bytes nor media account for. */
  beyond: number;
  /** Counts what a template, or the provider's own prompt, makes of a tool's definition or of a call. */
  printed(value: unknown): void;
  /** Why no bound holds: refused where a token quota is set. */
  unbounded: string | undefined;
  /** Why it is refused whatever the quota. */
  fault: string | undefined;
}

/**
 * The verdict on one place of a request's body: the values that may stand there, and their cost. The lists of the
 * providers' own names are in `scripts/wire-lists/`; a test asks for a verdict on each of them.
 */
export type Verdict =
  /** Its bytes bound what it costs, and nothing in it is looked at. */
  | "harmless"
  /** Nothing bounds what it costs where it is set: refused where a token quota is. */
  | { kind: "refused"; reason: string; names?: string | undefined }
  /** It chooses the upstream, its keys or its bounds: never forwarded where it is set. */
  | { kind: "steering" }
  /** A tool that runs at the provider, and reads what the request does not hold. */
  | { kind: "hosted"; names?: string | undefined }
  /** Names models. */
  | { kind: "model" }
  /** Read by a rule of its own. */
  | { kind: "read"; read(value: unknown, account: Account): void }
  | Shape
  | Tagged;

/** An object of these fields and no others, or a list of such objects. A text in its place is text. */
export interface Shape {
  kind: "object";
  fields: Map<string, Verdict>;
  /** Looks at the object as a whole. */
  also: ((object: Record<string, unknown>, account: Account) => void) | undefined;
}

/** An object that says in one of its fields what it is, or a list of such objects. */
export interface Tagged {
  kind: "tagged";
  tag: string;
  by: Map<string, Verdict>;
  /** The verdict on an object without the tag. */
  untagged: Verdict | undefined;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** The same verdict on several names. */
export const each = (names: string, verdict: Verdict): Record<string, Verdict> =>
  Object.fromEntries(words(names).map((name) => [name, verdict]));

/** @param harmless names, between spaces */
export const object = (harmless: string, others: Record<string, Verdict> = {}, also?: Shape["also"]): Shape => ({
  kind: "object",
  fields: new Map(Object.entries({ ...each(harmless, "harmless"), ...others })),
  also,
});

export const tagged = (by: Record<string, Verdict>, options: { tag?: string; untagged?: Verdict } = {}): Tagged => ({
  kind: "tagged",
  tag: options.tag ?? "type",
  by: new Map(Object.entries(by)),
  untagged: options.untagged,
});

/** @param names a model that it asks without saying so */
export const refused = (reason: string, names?: string): Verdict => ({ kind: "refused", reason, names });
/**
 * The verdict on fields for which no bound is known: refused under a quota.
 * @param fields names, between spaces
 */
export const leavesOpen = (fields: string): Record<string, Verdict> =>
  Object.fromEntries(words(fields).map((name) => [name, refused(`${name} leaves open what the request may cost`)]));
export const steering: Verdict = { kind: "steering" };
export const hosted: Verdict = { kind: "hosted" };
export const model: Verdict = { kind: "model" };
/** The verdict on a field whose value `rule` takes into the account. */
export const read = (rule: (value: unknown, account: Account) => void): Verdict => ({ kind: "read", read: rule });

/** The endpoint's own reading accounts for it. */
export const accounted: Verdict = read(() => {});

/** Text that a model's template may write in a longer form. */
export const printed: Verdict = read((value, account) => account.printed(value));

/** Something that is named and brought in by the server: it costs the operator's bound. */
export const reference: Verdict = read((value, { media }) => {
  if (typeof value === "string") media.named();
});

/** Text that is sealed, and perhaps packed: it may be longer than its bytes. */
export const sealed: Verdict = read((value, { media }) => {
  if (typeof value === "string") media.stored();
});

/** Protobuf JSON takes `snake_case` for `camelCase`. */
export function withSnakeCase(shape: Shape): Shape {
  for (const [name, verdict] of [...shape.fields]) {
    shape.fields.set(
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      verdict,
    );
  }
  return shape;
}

/** The names in `shape` whose values decide something, so that no other spelling of them may go on. */
export const deciding = (shape: Shape): string[] =>
  [...shape.fields].filter(([, verdict]) => verdict !== "harmless").map(([name]) => name);
