/** Weak: a form that is gone takes along what was typed into it. */
const typed = new WeakSet<HTMLFormElement>();

addEventListener("input", ({ target }) => {
  const form = target instanceof Element ? target.closest("form") : null;
  if (form) typed.add(form);
});

/** A form may be emptied again, as one whose change is made. */
const isFilled = (form: HTMLFormElement): boolean =>
  [...form.elements].some((field) => Boolean((field as HTMLInputElement).value));

/** Whether `within` holds a form in which something was typed. */
export const hasTypedForm = (within: ParentNode = document): boolean =>
  [...within.querySelectorAll("form")].some((form) => typed.has(form) && isFilled(form));
