import { useEffect } from "preact/hooks";
import type { Page } from "../pages/pages.tsx";
import { go } from "../state/router.ts";
import { t } from "../texts.ts";
import { Dialog } from "./dialog.tsx";

const secondKeyMs = 1_500;

const typesInto = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** `g` and a letter go to a page, `/` searches, `n` makes an agent, `?` tells of all this. */
export function useShortcuts(pages: Page[], onHelp: () => void): void {
  useEffect(() => {
    let goingUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typesInto(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const going = Date.now() < goingUntil;
      goingUntil = 0;
      const page = going ? pages.find(({ letter }) => letter === event.key) : undefined;
      if (page) go([page.name]);
      else if (event.key === "g") goingUntil = Date.now() + secondKeyMs;
      else if (event.key === "?") onHelp();
      else if (event.key === "n") go(["agents", "new"]);
      else if (event.key === "/") search();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [pages, onHelp]);
}

function search(): void {
  const field = () => document.querySelector<HTMLInputElement>("input[type=search]");
  if (field()) {
    field()?.focus();
    return;
  }
  go(["agents"]);
  requestAnimationFrame(() => requestAnimationFrame(() => field()?.focus()));
}

/** Every key that the page listens to, with `g` and a letter for each of `pages`. */
export function KeyboardHelp({ pages, onClose }: { pages: Page[]; onClose: () => void }) {
  const keys: [string[], string][] = [
    [["/"], t.keyboard.search],
    [["n"], t.keyboard.make],
    ...pages.map(({ letter, label }): [string[], string] => [["g", letter], t.keyboard.go(label)]),
    [["Esc"], t.keyboard.close],
    [["?"], t.keyboard.help],
  ];
  return (
    <Dialog title={t.keyboard.title} onClose={onClose}>
      <dl class="facts">
        {keys.map(([pressed, what]) => [
          <dt key={what}>{pressed.map((key) => [<kbd key={key}>{key}</kbd>, " "])}</dt>,
          <dd key={`${what}.`}>{what}</dd>,
        ])}
      </dl>
    </Dialog>
  );
}
