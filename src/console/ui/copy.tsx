import { useEffect, useRef, useState } from "preact/hooks";
import { useSecretShown } from "../state/secret-shown.ts";
import { t } from "../texts.ts";

/** Without HTTPS there is no clipboard for pages: what is to be copied is selected then. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shown) getSelection()?.selectAllChildren(shown);
    return false;
  }
}

/** Copies the text or, where the browser forbids that, selects it in `of`. */
function CopyButton({ text, of, className }: { text: string; className?: string; of: () => HTMLElement | null }) {
  const [done, setDone] = useState<string>();
  const copy = async () => {
    setDone((await copyText(text, of())) ? t.copy.copied : t.copy.selected);
    setTimeout(() => setDone(undefined), 4_000);
  };
  return (
    <button type="button" class={className} onClick={copy}>
      {t.copy.copy}
      <span role="status">{done && `: ${done}`}</span>
    </button>
  );
}

/** A word with a button beside it that copies it. */
export function Copyable({ text }: { text: string }) {
  const shown = useRef<HTMLSpanElement>(null);
  return (
    <>
      <span ref={shown}>{text}</span> <CopyButton text={text} className="link small" of={() => shown.current} />
    </>
  );
}

/** A secret, the one time that it is seen. */
export function SecretOnce({ secret, note }: { secret: string; note: string }) {
  const shown = useRef<HTMLElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useSecretShown();
  useEffect(() => box.current?.focus(), []);
  return (
    <div ref={box} class="stack" tabIndex={-1}>
      <p>{note}</p>
      <div class="secret">
        <code ref={shown}>{secret}</code>
        <CopyButton text={secret} of={() => shown.current} />
      </div>
    </div>
  );
}

/** Lines to paste into a shell. */
export function Lines({ text }: { text: string }) {
  const shown = useRef<HTMLPreElement>(null);
  return (
    <div class="stack">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <pre ref={shown} tabIndex={0}>
        {text}
      </pre>
      <div>
        <CopyButton text={text} of={() => shown.current} />
      </div>
    </div>
  );
}
