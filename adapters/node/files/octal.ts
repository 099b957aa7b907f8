/** A file's mode as `chmod` takes it: four digits. */
export const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");
