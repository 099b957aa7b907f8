import * as z from "zod/mini";

export const PageQuery = z.strictObject({
  limit: z
    ._default(
      z.coerce
        .number({ error: "must be a number" })
        .check(
          z.int("must be a whole number"),
          z.minimum(1, "must be at least 1"),
          z.maximum(1000, "must be at most 1000"),
        ),
      100,
    )
    .register(z.globalRegistry, { description: "How many at most" }),
  cursor: z.optional(z.unknown()).register(z.globalRegistry, { description: "`nextCursor` of the page before" }),
});
