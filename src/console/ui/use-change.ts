import { useState } from "preact/hooks";
import { type ApiError, apiErrorOf } from "../state/api.ts";

export interface Change<Answer> {
  busy: boolean;
  error: ApiError | undefined;
  answer: Answer | undefined;
  /** @returns whether it was done */
  run(work: () => Promise<Answer>): Promise<boolean>;
  /** The API's message about one field. */
  fault(path: string): string | undefined;
}

/** One change at a time: it is under way, refused in the API's words, or done. */
export function useChange<Answer = unknown>(): Change<Answer> {
  const [state, setState] = useState<{ busy: boolean; error?: ApiError; answer?: Answer }>({ busy: false });
  return {
    busy: state.busy,
    error: state.error,
    answer: state.answer,
    async run(work) {
      if (state.busy) return false;
      setState({ busy: true });
      try {
        setState({ busy: false, answer: await work() });
        return true;
      } catch (error) {
        setState({ busy: false, error: apiErrorOf(error) });
        return false;
      }
    },
    fault: (path) => state.error?.errors.find((one) => one.path === path)?.message,
  };
}
