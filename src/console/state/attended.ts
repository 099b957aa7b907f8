const attendedMs = 60_000;
let touchedAt = Date.now();

/** From now on it is known when somebody touches the page. */
export function noteTouches(): void {
  const note = () => {
    touchedAt = Date.now();
  };
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"])
    addEventListener(type, note, { capture: true, passive: true });
}

/** Whether somebody touched it within the last minute. What it asks by itself after that is no use of its session. */
export const isAttended = (): boolean => Date.now() - touchedAt < attendedMs;
