import type { GatewayList, GatewayView } from "../../schema/gateway.ts";
import { exact } from "../state/format.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

const stateOf = ({ reachable, cordoned }: GatewayView): string =>
  reachable ? (cordoned ? "cordoned" : "ok") : "failing";

const columns: Column<GatewayView>[] = [
  { key: "id", label: t.gateways.id, cell: ({ id }) => <Shown text={id} className="mono" /> },
  { key: "state", label: t.gateways.state, cell: (one) => <Status value={stateOf(one)} /> },
  { key: "agents", label: t.gateways.agents, num: true, cell: ({ agents }) => exact(agents) },
  {
    key: "room",
    label: t.gateways.room,
    num: true,
    cell: ({ room, maxAgents }) =>
      room === undefined ? t.gateways.unbounded : t.gateways.of(exact(room), exact(maxAgents!)),
  },
  {
    key: "reload",
    label: t.gateways.reload,
    num: true,
    cell: ({ lastReload }) =>
      lastReload && (
        <>
          {t.gateways.seconds((lastReload.ms / 1_000).toFixed(1))} <Ago at={lastReload.at} />
        </>
      ),
  },
  { key: "version", label: t.health.version, cell: ({ version }) => version },
  {
    key: "labels",
    label: t.gateways.labels,
    cell: ({ labels }) => (
      <Shown
        text={Object.entries(labels ?? {})
          .map(([name, value]) => `${name}: ${value}`)
          .join(", ")}
      />
    ),
  },
];

/** The gateways that have agents, and how many more there may be. */
export function Gateways() {
  const { data, error, again } = useQuery<GatewayList>("/gateways", { everyMs: 15_000 });
  return (
    <section class="section">
      <h2>{t.health.gateways}</h2>
      <ProblemNote error={error} again={again} />
      {data && <Table label={t.health.gateways} columns={columns} rows={data.gateways} id={({ id }) => id} />}
    </section>
  );
}
