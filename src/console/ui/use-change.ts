import { useEffect, useRef, useState } from "preact/hooks";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import { type ApiError, apiErrorOf } from "../state/api.ts";
import { say } from "./toasts.tsx";

export interface Change<Answer> {
  busy: boolean;
  error: ApiError | undefined;
  answer: Answer | undefined;
  /** @returns whether it was done */
  run(work: () => Promise<Answer>): Promise<boolean>;
  /** The API's message about one field. */
  fault(path: string): string | undefined;
}

/**
 * One change at a time: it is under way, refused in the API's words, or done. A refusal is told too where its dialog was
 * closed meanwhile.
 */
export function useChange<Answer = unknown>(): Change<Answer> {
  const [state, setState] = useState<{ busy: boolean; error?: ApiError; answer?: Answer }>({ busy: false });
  const isShown = useRef(true);
  useEffect(
    () => () => {
      isShown.current = false;
    },
    [],
  );
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
      } catch (thrown) {
        const error = apiErrorOf(thrown);
        // The end of the session is told by the sign-in.
        if (!isShown.current && error.status !== 401) say(escapeHidden(error.message));
        setState({ busy: false, error });
        return false;
      }
    },
    fault: (path) => state.error?.errors.find((one) => one.path === path)?.message,
  };
}
