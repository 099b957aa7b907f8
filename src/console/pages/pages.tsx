import type { ComponentType } from "preact";
import type { Scope } from "../../schema/provisioning-key.ts";
import type { Place } from "../state/router.ts";
import { t } from "../texts.ts";
import { Agents } from "./agents.tsx";
import { Alerts } from "./alerts.tsx";
import { Audit } from "./audit.tsx";
import { Keys } from "./keys.tsx";
import { Overview } from "./overview.tsx";
import { Providers } from "./providers.tsx";

export interface Page {
  /** The first part of its address. */
  name: string;
  label: string;
  /** Behind `g` it leads there. */
  letter: string;
  /** A drawing of 16 by 16. */
  icon: string;
  /** Without it the API answers nothing of what the page shows. */
  scope?: Scope;
  hidden?: boolean;
  view: ComponentType<{ place: Place }>;
}

export const pages: Page[] = [
  { name: "overview", label: t.places.overview, letter: "o", icon: "M2 9l6-6 6 6M4 8v5h8V8", view: Overview },
  {
    name: "agents",
    label: t.places.agents,
    letter: "a",
    icon: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.6-3 2.6-4 5.5-4s4.9 1 5.5 4",
    view: Agents,
  },
  {
    name: "keys",
    label: t.places.keys,
    letter: "k",
    icon: "M6 10a3.5 3.5 0 1 1 3-3l5 5v2h-2.500v-1.500H10V11H8.500z",
    scope: "provisioning:admin",
    view: Keys,
  },
  {
    name: "providers",
    label: t.places.providers,
    letter: "p",
    icon: "M4.5 12h7a2.5 2.5 0 0 0 .5-5 4 4 0 0 0-7.8-.5A2.8 2.8 0 0 0 4.5 12z",
    scope: "provisioning:admin",
    view: Providers,
  },
  {
    name: "audit",
    label: t.places.audit,
    letter: "t",
    icon: "M4 2h6l2.5 2.500V14H4zM6.5 7h3.500M6.5 10h3.5",
    scope: "provisioning:admin",
    view: Audit,
  },
  {
    name: "alerts",
    label: t.places.alerts,
    letter: "l",
    icon: "M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3zM6.5 14.5h3",
    scope: "provisioning:admin",
    view: Alerts,
  },
];
