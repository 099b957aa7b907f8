import { type Confinement, confinements } from "../../domain/confinement.ts";
import { wordsOf } from "../state/typed.ts";
import { t } from "../texts.ts";
import { SelectField, TextField } from "./field.tsx";

/** As typed: names with spaces between them, and an empty confinement where nothing is said of it. */
export interface HoldTexts {
  confinement: string;
  tools: string;
  peers: string;
}

interface Hold {
  confinement?: string | undefined;
  tools?: readonly string[] | undefined;
  peers?: readonly string[] | undefined;
}

/** As the fields show it: lists with spaces between. */
export const holdTexts = ({ confinement, tools, peers }: Hold): HoldTexts => ({
  confinement: confinement ?? "",
  tools: (tools ?? []).join(" "),
  peers: (peers ?? []).join(" "),
});

/** The fields that differ, in the API's form. */
export const changedHold = (before: HoldTexts, after: HoldTexts) => ({
  ...(after.confinement !== before.confinement && { confinement: after.confinement as Confinement }),
  ...(after.tools !== before.tools && { tools: wordsOf(after.tools) }),
  ...(after.peers !== before.peers && { peers: wordsOf(after.peers) }),
});

/** Whether the host runs agents; the others hold none. */
export const holdsAgents = (hostKind: string): boolean => hostKind === "openclaw" || hostKind === "remote";

const options = confinements.map((one) => [one, one] as const);

/** @param unsaid the words for no confinement; absent where the agent has one already */
export function HoldFields({
  texts,
  onChange,
  fault,
  unsaid,
}: {
  texts: HoldTexts;
  onChange: (texts: HoldTexts) => void;
  fault: (name: string) => string | undefined;
  unsaid: string | undefined;
}) {
  return (
    <>
      <SelectField
        label={t.agent.confinement}
        hint={t.agent.confinementHint}
        value={texts.confinement}
        onText={(confinement) => onChange({ ...texts, confinement })}
        options={[...(unsaid === undefined ? [] : [["", unsaid] as const]), ...options]}
        fault={fault("confinement")}
      />
      <TextField
        label={t.agent.tools}
        hint={t.agent.toolsHint}
        value={texts.tools}
        onText={(tools) => onChange({ ...texts, tools })}
        fault={fault("tools")}
      />
      <TextField
        label={t.agent.peers}
        hint={t.agent.peersHint}
        value={texts.peers}
        onText={(peers) => onChange({ ...texts, peers })}
        fault={fault("peers")}
      />
    </>
  );
}
