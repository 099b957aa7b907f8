import * as z from "zod";

/** A key as it can stand in a header: what a provider sends otherwise is not used. */
export const secretText = z
  .string()
  .max(16_384)
  .regex(/^[\x21-\x7e]+$/);

/** A provider's own id, as it can stand in a path. */
export const idText = z.string().regex(/^[\w-]{1,256}$/);
