import { t } from "../texts.ts";

interface Held {
  tools?: readonly string[] | undefined;
  peers?: readonly string[] | undefined;
}

/** The tools and peers that an agent has beyond its confinement, for a list of facts. */
export const HoldFacts = ({ agent }: { agent: Held }) => (
  <>
    {(["tools", "peers"] as const).map((name) => {
      const names = agent[name] ?? [];
      return names.length > 0 && [<dt key={name}>{t.agent[name]}</dt>, <dd key="of">{names.join(", ")}</dd>];
    })}
  </>
);
