import * as z from "zod/mini";

/** A key as it can stand in a header: what a provider sends otherwise is not used. */
export const secretText = z.string().check(z.maxLength(16_384), z.regex(/^[\x21-\x7e]+$/));

/** A provider's own id, as it can stand in a path. */
export const idText = z.string().check(z.regex(/^[\w-]{1,256}$/));
