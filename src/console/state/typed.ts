/** Several words in one field, separated by spaces or commas. */
export const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** A day, as a date field gives it, as the API's time at which it begins in UTC. */
export const startOf = (day: string): string => `${day}T00:00:00.000Z`;
