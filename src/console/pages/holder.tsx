import { useState } from "preact/hooks";
import type { AiKeyHolder } from "../../schema/ai-key-holder.ts";
import { ask } from "../state/api.ts";
import { exact } from "../state/format.ts";
import { addressOf } from "../state/router.ts";
import { t } from "../texts.ts";
import { TextField } from "../ui/field.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { Ago } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { QuotaList } from "./agent-key.tsx";

/** The part that the holder of an AI key may know: the amount left, and until when. */
export function Holder() {
  const [key, setKey] = useState("");
  const change = useChange<AiKeyHolder>();
  const show = (event: Event) => {
    event.preventDefault();
    void change.run(() => ask("/key", { bearer: key.trim() }));
  };
  return (
    <main class="door">
      <h1>{t.holder.title}</h1>
      <p class="muted">{t.holder.hint}</p>
      <div class="card">
        <form onSubmit={show}>
          <TextField
            label={t.holder.key}
            hint={t.holder.keyHint}
            type="password"
            required
            value={key}
            onText={setKey}
          />
          <ProblemNote error={change.error} />
          <button type="submit" class="primary" aria-disabled={change.busy}>
            {t.holder.go}
          </button>
        </form>
      </div>
      {change.answer && <Held held={change.answer} />}
      <a href={addressOf(["overview"])}>{t.holder.operator}</a>
    </main>
  );
}

const Held = ({ held }: { held: AiKeyHolder }) => (
  <div class="card stack" role="status">
    <dl class="facts">
      <dt>{t.providers.kind}</dt>
      <dd>{held.provider}</dd>
      <dt>{t.agent.models}</dt>
      <dd>{held.models?.join(", ") ?? t.agent.anyModel}</dd>
      <dt>{t.agent.expires}</dt>
      <dd>{held.expiresAt ? <Ago at={held.expiresAt} /> : t.agent.never}</dd>
      <dt>{t.holder.total}</dt>
      <dd>
        {exact(held.month.requests)} {t.agent.requests.toLowerCase()}, {exact(held.month.tokens)}{" "}
        {t.agent.tokens.toLowerCase()}
      </dd>
    </dl>
    <QuotaList quotas={held.quotas} />
  </div>
);
