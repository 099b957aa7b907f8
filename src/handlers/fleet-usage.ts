import { toCsv } from "../domain/csv.ts";
import { route } from "../http/call.ts";
import {
  FleetUsage,
  FleetUsageQuery,
  NearLimitList,
  NearLimitQuery,
  Overview,
  OverviewQuery,
  usageColumns,
} from "../schema/fleet-usage.ts";
import { readFleetUsage } from "../service/overview/fleet-usage.ts";
import { readNearLimit } from "../service/overview/near-limit.ts";
import { readOverview } from "../service/overview/overview.ts";

export const getFleetUsageRoute = route({
  method: "GET",
  path: "/usage",
  operationId: "getFleetUsage",
  summary:
    "Usage across agents, by agent, model, provider, day, maker or label; with a provisioning key of reach `own`, of " +
    "those that it made",
  scope: "token",
  query: FleetUsageQuery,
  repeatable: ["label"],
  response: {
    status: 200,
    description: "One page of rows, and the sum of all; `text/csv` if asked",
    schema: FleetUsage,
    otherContentType: "text/csv",
  },
  problems: ["not_ready"],
  async handle({ context, caller, query }) {
    const usage = await readFleetUsage(context, caller, query);
    if (query.format === "json") return { body: usage };
    const headers = {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="usage-${usage.from}-${usage.to}.csv"`,
      ...(usage.nextCursor !== undefined && { link: `<${pageAt(query, usage.nextCursor)}>; rel="next"` }),
    };
    return { body: toCsv(usageColumns, usage.rows), headers };
  },
});

/** A CSV has no place for a cursor: without one, the first page would pass for all. */
function pageAt({ label = [], ...query }: FleetUsageQuery, cursor: string): string {
  const given = Object.entries({ ...query, cursor }).filter(([, value]) => value !== undefined);
  const all = [...given.map(([name, value]) => [name, String(value)]), ...label.map((one) => ["label", one])];
  return `?${new URLSearchParams(all)}`;
}

export const getNearLimitRoute = route({
  method: "GET",
  path: "/usage/near-limit",
  operationId: "getNearLimit",
  summary: "Agents that have used most of a quota",
  scope: "token",
  query: NearLimitQuery,
  response: { status: 200, description: "The fullest first", schema: NearLimitList },
  problems: ["not_ready"],
  async handle({ context, caller, query }) {
    return { body: await readNearLimit(context, caller, query) };
  },
});

export const getOverviewRoute = route({
  method: "GET",
  path: "/overview",
  operationId: "getOverview",
  summary: "Agents, spending and what needs attention, in one call",
  scope: "token",
  query: OverviewQuery,
  response: { status: 200, description: "The overview", schema: Overview },
  problems: ["not_ready"],
  async handle({ context, caller, query }) {
    return { body: await readOverview(context, caller, query) };
  },
});
