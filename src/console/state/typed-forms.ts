const typed = new Set<HTMLFormElement>();

addEventListener("input", ({ target }) => {
  const form = target instanceof Element ? target.closest("form") : null;
  if (form) typed.add(form);
});

/** Whether the page holds a form in which something was typed. */
export function hasTypedForm(): boolean {
  for (const form of typed) if (!form.isConnected) typed.delete(form);
  return typed.size > 0;
}
