/** A body, its text and its values. */
export const bodyCopies = 3;

/** The default leaves the rest of a container of 256 MiB to the process. */
const forBodies = 134_217_728;

/**
 * What bodies may take of the memory.
 *
 * @param available what the process has for them, where the operator does not say
 */
export const bodyMemoryBytes = (
  { maxBodyBytes, maxBodyMemoryBytes }: { maxBodyBytes: number; maxBodyMemoryBytes?: number | undefined },
  available = forBodies,
): number => maxBodyMemoryBytes ?? Math.max(available, bodyCopies * maxBodyBytes);
