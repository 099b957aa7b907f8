/** A body, its text and its values. */
export const bodyCopies = 3;

/** Leaves the rest of a container of 256 MiB to the process, and some of the 128 MB that a Worker's isolate has. */
const forBodies = 100_663_296;

/** What bodies may take of the memory, as the operator says or by default. */
export const bodyMemoryBytes = ({
  maxBodyBytes,
  maxBodyMemoryBytes,
}: {
  maxBodyBytes: number;
  maxBodyMemoryBytes?: number | undefined;
}): number => maxBodyMemoryBytes ?? Math.max(forBodies, bodyCopies * maxBodyBytes);
