/** Epoch milliseconds of the last time that has an ISO text of four digits' years, which records are read with. */
export const latestTimeMs = Date.parse("9999-12-31T23:59:59.999Z");
