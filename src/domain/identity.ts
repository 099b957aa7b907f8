/** How an agent presents itself to people. */
export interface Identity {
  name?: string | undefined;
  emoji?: string | undefined;
  avatar?: string | undefined;
}
