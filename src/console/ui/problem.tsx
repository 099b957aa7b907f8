import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { ApiError } from "../state/api.ts";
import { t } from "../texts.ts";

/** A failure in the API's own words, with the name under which the server's log has it. */
export function ProblemNote({ error, again }: { error: ApiError | undefined; again?: (() => void) | undefined }) {
  if (!error) return null;
  return (
    <div class="note bad" role="alert">
      <p class="wrap">{escapeHidden(error.message)}</p>
      {error.errors.length > 0 && (
        <ul>
          {error.errors.map(({ path, message }) => (
            <li key={path} class="wrap">
              <code>{escapeHidden(path)}</code> {escapeHidden(message)}
            </li>
          ))}
        </ul>
      )}
      <p class="small muted wrap">
        {error.code}
        {error.requestId && `, ${error.requestId}`}
        {error.retryAfter !== undefined && `, ${t.problem.retryIn(error.retryAfter)}`}
      </p>
      {again && (
        <button type="button" class="link" onClick={again}>
          {t.problem.again}
        </button>
      )}
    </div>
  );
}
