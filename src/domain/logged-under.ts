/** Ends the sentence about a failure whose cause its caller is not told. */
export const loggedUnder = (requestId: string): string => `; the log has the cause under ${requestId}`;
