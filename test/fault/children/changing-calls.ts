/** Every file system call by which an agent is made. */
export const changingCalls = [
  "mkdirSync",
  "openSync",
  "writeFileSync",
  "renameSync",
  "rmSync",
  "fsync",
  "closeSync",
] as const;
