import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ConsoleCaller } from "../../schema/console.ts";
import { addressOf } from "../state/router.ts";
import { signIn } from "../state/session.ts";
import { t } from "../texts.ts";
import { Lines } from "../ui/copy.tsx";
import { TextField } from "../ui/field.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { useChange } from "../ui/use-change.ts";

interface DoorProps {
  note?: string | undefined;
  onIn: (caller: ConsoleCaller) => void;
  onEnd: () => void;
  children?: ComponentChildren;
}

/** Says what to paste and where to find it. */
export function Door({ note, onIn, onEnd, children }: DoorProps) {
  const [token, setToken] = useState("");
  const [key, setKey] = useState("");
  const change = useChange<ConsoleCaller>();
  const enter = (event: Event) => {
    event.preventDefault();
    void change.run(async () => {
      const caller = await signIn(token.trim(), key.trim(), onEnd);
      onIn(caller);
      return caller;
    });
  };
  return (
    <main class="door">
      <h1>{t.product}</h1>
      {note && (
        <p class="note warn" role="status">
          {note}
        </p>
      )}
      {children}
      {!isSecureContext && <p class="note warn">{t.door.plain}</p>}
      <div class="card">
        <form onSubmit={enter}>
          <h2>{t.door.title}</h2>
          <TextField
            label={t.door.token}
            hint={t.door.tokenHint}
            type="password"
            required
            value={token}
            onText={setToken}
          />
          <TextField label={t.door.key} hint={t.door.keyHint} type="password" value={key} onText={setKey} />
          <ProblemNote error={change.error} />
          <button type="submit" class="primary" aria-disabled={change.busy}>
            {change.busy ? t.door.busy : key === "" ? `${t.door.go} (${t.door.noKey.toLowerCase()})` : t.door.go}
          </button>
          <p class="small muted">{t.door.dropped}</p>
        </form>
      </div>
      <div class="stack">
        <p>{t.door.link}</p>
        <Lines text={t.door.command} />
        <a href={addressOf(["key"])}>{t.door.holder}</a>
      </div>
    </main>
  );
}
