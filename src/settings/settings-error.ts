/** A setting that stops the start: where it stands, what it is, what it has to be. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}
