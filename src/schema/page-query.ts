import * as z from "zod/mini";

/** How many are asked for, in a query. */
export const countUpTo = (most: number, usual: number) =>
  z._default(
    z.coerce
      .number({ error: "must be a number" })
      .check(
        z.int("must be a whole number"),
        z.minimum(1, "must be at least 1"),
        z.maximum(most, `must be at most ${most}`),
      ),
    usual,
  );

export const PageQuery = z.strictObject({
  limit: countUpTo(1000, 100).register(z.globalRegistry, { description: "How many at most" }),
  cursor: z.optional(z.unknown()).register(z.globalRegistry, { description: "`nextCursor` of the page before" }),
});
