import { afterAll, afterEach, beforeAll } from "vitest";
import { openBrowser, type TestBrowser } from "./browser.ts";
import { signIn } from "./people.ts";
import { openStand, type Stand, targets } from "./stand.ts";

type Person = Awaited<ReturnType<TestBrowser["person"]>>;

/** A server on files for all tests of a file, and operators in browsers of their own for each. */
export function operatorsOnNode() {
  let browser: TestBrowser;
  let stand: Stand;
  const people: Person[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
    stand = await openStand(targets.Node!);
  });
  afterAll(async () => {
    await browser?.close();
    await stand?.close();
  });
  afterEach(async () => {
    for (const { context } of people.splice(0)) await context.close();
  });
  async function person(origin = stand.target.origin, options = {}): Promise<Person> {
    const one = await browser.person(origin, options);
    one.page.setDefaultTimeout(15_000);
    people.push(one);
    return one;
  }
  return {
    get stand(): Stand {
      return stand;
    },
    person,
    /** One who is signed in. */
    async operator(): Promise<Person> {
      const one = await person();
      await signIn(one.page, stand.target, stand.key);
      return one;
    },
  };
}
