import fc from "fast-check";

/** A part of a request's body and what a reference counts it as. */
export interface Piece<T> {
  json: T;
  /** Tokens at least; infinite where nothing bounds them, so that the request has to be refused. */
  tokens: number;
  /** Tokens that may be held for it beyond its bytes. */
  allowance: number;
  /** Honest clients do without it. */
  mayBeRefused: boolean;
}

export interface Cost {
  tokens?: number;
  allowance?: number;
  mayBeRefused?: boolean;
}

export const piece = <T>(json: T, { tokens = 0, allowance = 0, mayBeRefused = false }: Cost = {}): Piece<T> => ({
  json,
  tokens,
  allowance,
  mayBeRefused,
});

/** A part that runs at the provider, or stands for content that the request does not hold. */
export const unbounded = <T>(json: T): fc.Arbitrary<Piece<T>> =>
  fc.constant(piece(json, { tokens: Number.POSITIVE_INFINITY }));

export const harmless = <T>(...values: T[]): fc.Arbitrary<Piece<T>> =>
  fc.constantFrom(...values).map((value) => piece(value));

const sum = (pieces: readonly Piece<unknown>[], own: Cost): Cost => ({
  tokens: pieces.reduce((total, { tokens }) => total + tokens, own.tokens ?? 0),
  allowance: pieces.reduce((total, { allowance }) => total + allowance, own.allowance ?? 0),
  mayBeRefused: own.mayBeRefused === true || pieces.some((one) => one.mayBeRefused),
});

type Fields<T> = { [K in keyof T]?: fc.Arbitrary<Piece<NonNullable<T[K]>>> | (T[K] & (string | number | boolean)) };

/**
 * An object of these fields; of `optional` some are left out.
 *
 * @param own what it costs as a whole
 */
export function object<T extends object>(
  fields: Fields<T>,
  optional: readonly (keyof T & string)[] = [],
  own: (json: T) => Cost = () => ({}),
): fc.Arbitrary<Piece<T>> {
  const arbitraries = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof fc.Arbitrary ? (value as fc.Arbitrary<Piece<unknown>>) : fc.constant(piece<unknown>(value)),
    ]),
  );
  const requiredKeys = Object.keys(fields).filter((name) => !(optional as readonly string[]).includes(name));
  return fc.record(arbitraries, { requiredKeys }).map((pieces) => {
    const json = Object.fromEntries(Object.entries(pieces).map(([name, { json }]) => [name, json])) as T;
    return piece(json, sum(Object.values(pieces), own(json)));
  });
}

export const listOf = <T>(one: fc.Arbitrary<Piece<T>>, minLength = 0, maxLength = 3): fc.Arbitrary<Piece<T[]>> =>
  fc.array(one, { minLength, maxLength }).map((pieces) =>
    piece(
      pieces.map(({ json }) => json),
      sum(pieces, {}),
    ),
  );

export const either = <T>(...ways: fc.Arbitrary<Piece<T>>[]): fc.Arbitrary<Piece<T>> => fc.oneof(...ways);
