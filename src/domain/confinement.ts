/** The confinements of an agent: each bounds its abilities on the gateway that it runs on. */
export const confinements = ["workspace", "sandbox", "trusted"] as const;
export type Confinement = (typeof confinements)[number];
