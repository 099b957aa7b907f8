/** What an agent may do on the gateway that it runs on. */
export const confinements = ["workspace", "sandbox", "trusted"] as const;
export type Confinement = (typeof confinements)[number];
