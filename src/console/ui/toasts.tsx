import { useEffect, useState } from "preact/hooks";

let show: (text: string) => void = () => undefined;
const shownMs = 5_000;

/** Says what was done. */
export const say = (text: string): void => show(text);

/** The messages that pass by themselves, read out by screen readers. */
export function Toasts() {
  const [texts, setTexts] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let last = 0;
    show = (text) => {
      const id = ++last;
      setTexts((before) => [...before, { id, text }]);
      setTimeout(() => setTexts((before) => before.filter((one) => one.id !== id)), shownMs);
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {texts.map(({ id, text }) => (
        <p key={id} class="toast">
          {text}
        </p>
      ))}
    </div>
  );
}
