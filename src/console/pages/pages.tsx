import type { ComponentType } from "preact";
import type { Scope } from "../../schema/provisioning-key.ts";
import type { Place } from "../state/router.ts";
import { t } from "../texts.ts";
import { Agents } from "./agents.tsx";
import { Alerts } from "./alerts.tsx";
import { Audit } from "./audit.tsx";
import { Health } from "./health.tsx";
import { Keys } from "./keys.tsx";
import { Live } from "./live.tsx";
import { Overview } from "./overview.tsx";
import { Providers } from "./providers.tsx";
import { Usage } from "./usage.tsx";

/** An entry of the console's navigation. */
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
  /** It is of all agents, which a key that reaches its own may not see. */
  ofAll?: true;
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
    name: "usage",
    label: t.places.usage,
    letter: "u",
    icon: "M2.5 13.5h11M4.5 11V8M8 11V3.5M11.5 11V6",
    view: Usage,
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
    name: "live",
    label: t.places.live,
    letter: "v",
    icon: "M1.5 8.5H5l2-5 3 9 1.5-4h3",
    ofAll: true,
    view: Live,
  },
  {
    name: "alerts",
    label: t.places.alerts,
    letter: "l",
    icon: "M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3zM6.5 14.5h3",
    scope: "provisioning:admin",
    view: Alerts,
  },
  {
    name: "health",
    label: t.places.health,
    letter: "h",
    icon: "M8 13.5C3 10 1.5 8 1.5 5.7A3.2 3.2 0 0 1 8 4.5a3.2 3.2 0 0 1 6.5 1.2c0 2.3-1.5 4.3-6.5 7.8z",
    view: Health,
  },
];
