import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { DoctorReport } from "../../schema/doctor.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Lines } from "../ui/copy.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { Waiting } from "../ui/table.tsx";

/** Every check with its remedy; what stops a start is found by the command alone. */
export function Doctor() {
  const report = useQuery<DoctorReport>("/provisioning/doctor");
  return (
    <section class="section stack">
      <div class="head">
        <h2 class="grow">{t.health.doctor}</h2>
        <button type="button" onClick={report.again}>
          {t.health.again}
        </button>
      </div>
      <ProblemNote error={report.error} again={report.again} />
      {report.loading && <Waiting lines={6} />}
      {report.data && (
        <ul class="list card">
          {report.data.checks.map(({ name, status, detail, remedy }) => (
            <li key={name}>
              <b class="wrap">{escapeHidden(name)}</b>
              <span class="muted wrap grow">{escapeHidden(detail)}</span>
              <Status value={status} />
              {remedy && <p class="wrap">{escapeHidden(remedy)}</p>}
            </li>
          ))}
        </ul>
      )}
      <p class="muted">{t.health.doctorHint}</p>
      <Lines text={t.health.command} />
    </section>
  );
}
