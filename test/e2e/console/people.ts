import type { Page } from "playwright-core";
import { expect } from "vitest";
import type { Target } from "../../contract/target.ts";

/** An element with a name that people see. */
export const named = (page: Page, role: "button" | "link" | "textbox" | "checkbox", name: string | RegExp) =>
  page.getByRole(role, { name, exact: typeof name === "string" });

export async function signIn(page: Page, target: Target, key = ""): Promise<void> {
  await page.goto(`${target.origin}/console/`);
  await page.getByLabel("Gateway token").fill(target.token);
  await page.getByLabel("Provisioning key").fill(key);
  await page.getByRole("button", { name: /^Sign in/ }).click();
  await page.getByRole("navigation").waitFor();
}

export async function visit(page: Page, target: Target, place: string): Promise<void> {
  await page.goto(`${target.origin}/console/#/${place}`);
}

const focused = `(() => {
  const element = document.activeElement;
  const label = element?.labels?.[0]?.textContent;
  return (element?.getAttribute("aria-label") ?? label ?? element?.textContent ?? "").trim();
})()`;

/** With the Tab key alone, as somebody without a mouse goes there. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = [];
  for (let turn = 0; turn < 80; turn++) {
    await page.keyboard.press("Tab");
    const at = String(await page.evaluate(focused));
    if (typeof name === "string" ? at === name : name.test(at)) return;
    seen.push(at);
  }
  expect.fail(`no Tab leads to ${name}: ${seen.join(" | ")}`);
}
