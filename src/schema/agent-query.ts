import * as z from "zod/mini";
import { LabelQuery, mostLabels } from "./label.ts";
import { PageQuery } from "./page-query.ts";
import { noKey } from "./primitives.ts";

const sortableFields = ["agentId", "name", "createdAt", "updatedAt", "expiresAt"] as const;
export type SortableField = (typeof sortableFields)[number];

/** A leading `-` is for the descending order; the nearest to a limit and the most use come first alone. */
const agentRankings = ["-share", "-tokens", "-usd"] as const;
export const agentSorts = [...sortableFields.flatMap((field) => [field, `-${field}`] as const), ...agentRankings];
export type AgentSort = (typeof agentSorts)[number];

export const searchedStatuses = ["ready", "needs_auth", "suspended"] as const;

const exactly = z.string().check(z.minLength(1), z.maxLength(200), noKey);

/** Any of these makes a search; without them, the list is that of every agent, those that others made included. */
const searchFields = {
  q: z
    .optional(z.string().check(z.minLength(1), z.maxLength(128), noKey))
    .register(z.globalRegistry, { description: "Part of an id, a name, a model, an AI key's id or a binding" }),
  status: z.optional(z.enum(searchedStatuses)),
  provider: z.optional(exactly).register(z.globalRegistry, { description: "Of its AI key or its credentials" }),
  model: z.optional(exactly),
  createdBy: z.optional(exactly).register(z.globalRegistry, { description: "A provisioning key's id" }),
  gateway: z.optional(exactly),
  label: z
    .optional(z.array(LabelQuery).check(z.maxLength(mostLabels)))
    .register(z.globalRegistry, { description: "`tenant:acme`, repeatable: all must match" }),
  minShare: z
    .optional(
      z.coerce
        .number({ error: "must be a number" })
        .check(z.minimum(0.5, "must be at least 0.5"), z.maximum(1, "must be at most 1")),
    )
    .register(z.globalRegistry, {
      description: "Only those that have used or reserved this part of a quota of the month or the day",
    }),
  sort: z
    .optional(z.enum(agentSorts))
    .register(z.globalRegistry, { description: "Descending with a leading `-`; what has no such field comes last" }),
};

const agentIncludes = ["quotas", "usage"] as const;
export type AgentInclude = (typeof agentIncludes)[number];

/** No id begins with it. */
export const searchCursorMark = "~";

/** Each agent of a page costs several reads then; on the edge, those of one call are bounded. */
const mostIncluded = 100;

export const AgentQuery = z
  .extend(PageQuery, {
    cursor: z.optional(z.string().check(z.maxLength(512))),
    ...searchFields,
    include: z
      .optional(z.string().check(z.regex(/^(quotas|usage)(,(quotas|usage))*$/, "must be quotas, usage or both")))
      .register(z.globalRegistry, {
        description: "`quotas`, `usage` or `quotas,usage`: what each AI key has and spent",
      }),
  })
  .check(
    z.refine((query) => query.include === undefined || query.limit <= mostIncluded, {
      path: ["limit"],
      error: `must be at most ${mostIncluded} with include`,
    }),
    // Without its filters, it would stand behind every id: the list would seem to be over.
    z.refine((query) => isSearch(query) || !query.cursor?.startsWith(searchCursorMark), {
      path: ["cursor"],
      error: "is that of a search, whose filters and sort have to come with it",
    }),
  );
export type AgentQuery = z.infer<typeof AgentQuery>;

/** Those of the list with commas that are known. */
export const includesOf = ({ include }: AgentQuery): AgentInclude[] =>
  agentIncludes.filter((name) => include?.split(",").includes(name));

const searchNames = Object.keys(searchFields) as (keyof typeof searchFields)[];

/** A search reads the index of agents; a plain list does not. */
export const isSearch = (query: Pick<AgentQuery, (typeof searchNames)[number]>): boolean =>
  searchNames.some((name) => query[name] !== undefined);
