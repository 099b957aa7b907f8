import { useEffect, useState } from "preact/hooks";

interface Toast {
  id: number;
  text: string;
}

const shownMs = 5_000;
let last = 0;
let toasts: Toast[] = [];
/** The page's, and one of each open dialog: what is behind a dialog is neither seen nor read out. */
const layers: (() => void)[] = [];

function set(next: Toast[]): void {
  toasts = next;
  for (const render of layers) render();
}

/** Says what was done. */
export function say(text: string): void {
  const id = ++last;
  set([...toasts, { id, text }]);
  setTimeout(() => set(toasts.filter((one) => one.id !== id)), shownMs);
}

/** The messages that pass by themselves, read out by screen readers; the topmost of these has them. */
export function Toasts() {
  const [layer, setLayer] = useState<() => void>();
  const [, render] = useState(0);
  useEffect(() => {
    const mine = () => render((turn) => turn + 1);
    layers.push(mine);
    setLayer(() => mine);
    set(toasts);
    return () => {
      layers.splice(layers.indexOf(mine), 1);
      set(toasts);
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {layer !== undefined &&
        layer === layers.at(-1) &&
        toasts.map(({ id, text }) => (
          <p key={id} class="toast">
            {text}
          </p>
        ))}
    </div>
  );
}
