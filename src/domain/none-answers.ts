import { Problem } from "../errors.ts";

/** Nothing was asked of any of them, so whoever asks again later loses nothing. */
export const noneAnswers = (): Problem =>
  new Problem("host_unavailable", "No gateway answers; one that is starting does within a minute. Try again.", {
    headers: { "retry-after": "5" },
  });
