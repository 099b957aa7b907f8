/** A body, its text and its values. */
export const bodyCopies = 3;

/** Leaves the rest of a container of 256 MiB to the process, and some of the 128 MB that a Worker's isolate has. */
const forBodies = 100_663_296;

/** The bodies' share of the memory, from the operator or by default. */
export const bodyMemoryBytes = ({
  maxBodyBytes,
  maxBodyMemoryBytes,
}: {
  maxBodyBytes: number;
  maxBodyMemoryBytes?: number | undefined;
}): number => maxBodyMemoryBytes ?? Math.max(forBodies, bodyCopies * maxBodyBytes);
