import * as z from "zod";

export const PageQuery = z.strictObject({
  limit: z.coerce
    .number({ error: "must be a number" })
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(1000, "must be at most 1000")
    .default(100)
    .meta({ description: "How many at most" }),
  cursor: z.unknown().optional().meta({ description: "`nextCursor` of the page before" }),
});
