import { useEffect, useRef, useState } from "preact/hooks";
import { type Page, pages } from "./pages/pages.tsx";
import { may, useCaller } from "./state/caller.ts";
import { addressOf, go, type Place } from "./state/router.ts";
import { signOut } from "./state/session.ts";
import { useChanges } from "./state/use-changes.ts";
import { useLater } from "./state/use-query.ts";
import { t } from "./texts.ts";
import { KeyboardHelp, useShortcuts } from "./ui/keyboard.tsx";
import { Ago } from "./ui/time.tsx";
import { useKeptFocus } from "./ui/use-kept-focus.ts";

const sessionMs = 30_000;

/** Places on the left, the page beside them. */
export function Frame({ place, onOut }: { place: Place; onOut: (note?: string) => void }) {
  const caller = useCaller();
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  const here = place.path[0] ?? "overview";
  const page = pages.find(({ name }) => name === here);
  const shown = pages.filter(
    ({ scope, ofAll }) => (scope === undefined || may(caller, scope)) && (!ofAll || caller.reach === "all"),
  );
  // A page that asks nothing by itself is told of the end of its session too.
  useLater("/console/session", sessionMs);
  useChanges();
  useKeptFocus();
  useShortcuts(shown, () => setHelp(true));
  const address = place.path.join("/");
  // A form over a list is no page of its own: closing it, the focus goes back to where it was.
  const spot = here !== "agents" && place.path[1] === "new" ? here : address;
  const first = useRef(true);
  useEffect(() => {
    document.title = `${place.path[1] ?? page?.label ?? t.nothing.title} · ${t.product}`;
  }, [address]);
  useEffect(() => {
    setOpen(false);
    // A screen reader begins where the new page begins. The first page begins at the top anyway.
    if (!first.current) main.current?.focus();
    first.current = false;
    scrollTo(0, 0);
  }, [spot]);
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t.skip}
      </button>
      <nav class={open ? "side open" : "side"} aria-label={t.product}>
        <a class="brand" href={addressOf(["overview"])}>
          <svg width="20" height="20" viewBox="0 0 16 16" aria-hidden="true">
            <rect width="16" height="16" rx="4" fill="currentColor" />
            <path d="M5 12V4h3.6a2.6 2.6 0 0 1 0 5.2H5" fill="none" stroke="#fff" stroke-width="1.8" />
          </svg>
          {t.product}
        </a>
        <button type="button" class="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t.menu}
        </button>
        <ul class="places">
          {shown.map(({ name, label, icon }) => (
            <li key={name}>
              <a
                href={addressOf([name])}
                aria-current={name === here ? "page" : undefined}
                onClick={() => setOpen(false)}
              >
                <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
                  <path
                    d={icon}
                    fill="none"
                    stroke="currentColor"
                    stroke-width="1.5"
                    stroke-linecap="round"
                    stroke-linejoin="round"
                  />
                </svg>
                {label}
              </a>
            </li>
          ))}
        </ul>
        <Who onOut={onOut} onHelp={() => setHelp(true)} />
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {page && shown.includes(page) ? <page.view place={place} /> : <Nothing page={page} />}
      </main>
      {help && <KeyboardHelp pages={shown} onClose={() => setHelp(false)} />}
    </div>
  );
}

function Nothing({ page }: { page: Page | undefined }) {
  return (
    <div class="empty">
      <h1>{t.nothing.title}</h1>
      {page && <p class="muted">{page.scope === undefined ? t.nothing.ofAll : t.lacks(page.scope)}</p>}
      <button type="button" onClick={() => go(["overview"])}>
        {t.nothing.back}
      </button>
    </div>
  );
}

const actors: Record<string, string> = { cli: t.who.operator, admin: t.who.admin, token: t.who.token };

function Who({ onOut, onHelp }: { onOut: (note?: string) => void; onHelp: () => void }) {
  const { actor, keyName, expiresAt, scopes, features } = useCaller();
  const leave = async () => onOut((await signOut()) ? undefined : t.door.untold);
  return (
    <div class="who small">
      <span class="muted">{t.who.as}</span>
      <b class="wrap">{keyName ?? actors[actor] ?? actor}</b>
      {scopes.length === 0 && <span class="muted">{t.who.looking}</span>}
      {expiresAt && (
        <span class="muted">
          {t.who.until} <Ago at={expiresAt} />
        </span>
      )}
      <button type="button" class="link" onClick={leave}>
        {t.who.out}
      </button>
      <button type="button" class="link" onClick={onHelp}>
        {t.who.keys}
      </button>
      <span class="muted">{features.version}</span>
    </div>
  );
}
