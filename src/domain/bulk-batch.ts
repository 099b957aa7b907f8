/** How many agents every deployment takes in one call, one on the edge too, unless that has to ask many gateways. */
export const bulkBatch = 20;
