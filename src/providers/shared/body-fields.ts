/** A body's fields as `proxy/json-body.ts` reads them. */
export interface BodyFields {
  readonly value: Readonly<Record<string, unknown>>;
  readonly keys: number;
  get(name: string): unknown;
  open(name: string): { body: BodyFields } | { fault: string };
}

/** A value of any kind as text: `String` throws at an object that has a `toString` of its own. */
export const textOf = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);

/** Empty for anything that is no list. */
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A count in a body: absent and null are `undefined`, anything but a whole number from `least` on is a fault. */
export function countField(
  body: BodyFields,
  name: string,
  least = 0,
): { count: number | undefined } | { fault: string } {
  const value = body.get(name);
  if (value === undefined || value === null) return { count: undefined };
  if (Number.isSafeInteger(value) && (value as number) >= least) return { count: value as number };
  return { fault: `${name} must be a whole number from ${least} on` };
}

/** The same for a bound of the answer: clients say "none" by -1 too. */
export const boundField = (body: BodyFields, name: string, least = 0): ReturnType<typeof countField> =>
  body.get(name) === -1 ? { count: undefined } : countField(body, name, least);

/**
 * Whether a field asks for something: it is neither absent, null, false nor an empty text or list. An empty object asks
 * for the defaults (`web_search_options: {}`).
 */
export const isSetValue = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  value !== "" &&
  !(Array.isArray(value) && value.length === 0);

/** Whether the field says anything: null, false, and an empty list or text do not. */
export const isSet = (body: BodyFields, name: string): boolean => isSetValue(body.get(name));
