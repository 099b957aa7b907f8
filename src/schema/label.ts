import * as z from "zod/mini";
import { noKey } from "./primitives.ts";

export const mostLabels = 16;

const labelText = z.string().check(z.regex(/^[a-z0-9._/-]{1,63}$/, "must be 1 to 63 of a-z, 0-9 and . _ / -"), noKey);

/** An operator's own words for an agent, such as its tenant and its plan. */
export const Labels = z
  .record(labelText, labelText)
  .check(z.refine((labels) => Object.keys(labels).length <= mostLabels, `at most ${mostLabels} labels`))
  .register(z.globalRegistry, { id: "Labels", examples: [{ tenant: "acme", plan: "pro" }] });
export type Labels = z.infer<typeof Labels>;

/** A change of labels: merged, and `null` removes one. */
export const LabelChange = z.record(labelText, z.nullable(labelText));
export type LabelChange = z.infer<typeof LabelChange>;

/** `tenant:acme`, as queries name a label. */
export const LabelQuery = z
  .string()
  .check(
    z.regex(/^[a-z0-9._/-]{1,63}:[a-z0-9._/-]{1,63}$/, 'must be a label and its value, as in "tenant:acme"'),
    noKey,
  );
