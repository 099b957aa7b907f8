import { useEffect, useState } from "preact/hooks";
import type { ConsoleCaller } from "../schema/console.ts";
import { Frame } from "./frame.tsx";
import { Door } from "./pages/door.tsx";
import { Holder } from "./pages/holder.tsx";
import { ApiError } from "./state/api.ts";
import { CallerContext } from "./state/caller.ts";
import { usePlace } from "./state/router.ts";
import { afterSecret } from "./state/secret-shown.ts";
import { resume, takeCode } from "./state/session.ts";
import { hasTypedForm } from "./state/typed-forms.ts";
import { forgetAll, invalidate } from "./state/use-query.ts";
import { t } from "./texts.ts";
import { Over } from "./ui/over.tsx";
import { ProblemNote } from "./ui/problem.tsx";
import { Waiting } from "./ui/table.tsx";
import { Toasts } from "./ui/toasts.tsx";

type State =
  | { at: "asking" }
  | { at: "out"; note?: string; error?: ApiError; again?: () => void }
  /** `isLocked`: the session has ended over a form in which something was typed. */
  | { at: "in"; caller: ConsoleCaller; frame: string | undefined; isLocked?: boolean };

const isSamePerson = (one: ConsoleCaller, other: ConsoleCaller): boolean =>
  one.actor === other.actor && one.reach === other.reach;

const firstCode = takeCode();

/**
 * Nobody is signed in, or somebody is; what is behind the door is gone with the session. A form in which something was
 * typed waits there for the same person.
 */
export function App() {
  const [state, setState] = useState<State>({ at: "asking" });
  const place = usePlace();
  const leave = (note?: string) => {
    forgetAll();
    setState({ at: "out", ...(note !== undefined && { note }) });
  };
  const enter = (caller: ConsoleCaller) => {
    afterSecret(undefined);
    setState((before) => {
      if (before.at === "in" && before.isLocked && isSamePerson(before.caller, caller)) {
        invalidate("/");
        return { at: "in", caller, frame: before.frame };
      }
      forgetAll();
      return { at: "in", caller, frame: caller.id };
    });
  };
  const end = () =>
    afterSecret(() =>
      setState((before) => {
        if (before.at === "in" && hasTypedForm()) return { ...before, isLocked: true };
        forgetAll();
        return { at: "out", note: t.door.ended };
      }),
    );
  const begin = (code?: string): Promise<void> =>
    resume(code, end).then(
      (caller) => {
        // A session that has ended has said so by then.
        if (caller) enter(caller);
        else setState((before) => (before.at === "out" ? before : { at: "out" }));
      },
      (error: unknown) => {
        const isUsedUp = code !== undefined && error instanceof ApiError && error.status === 401;
        setState({
          at: "out",
          note: isUsedUp ? t.door.wrongLink : t.door.unreachable,
          ...(error instanceof ApiError && { error }),
          ...(!isUsedUp && { again: () => void begin(code) }),
        });
      },
    );
  useEffect(() => {
    void begin(firstCode);
    const onLink = () => {
      const code = takeCode();
      if (code !== undefined) void begin(code);
    };
    // A page that comes back out of the browser's memory may show what was there before a sign-out.
    const onShow = (event: PageTransitionEvent) => event.persisted && location.reload();
    addEventListener("hashchange", onLink);
    addEventListener("pageshow", onShow);
    return () => {
      removeEventListener("hashchange", onLink);
      removeEventListener("pageshow", onShow);
    };
  }, []);
  useEffect(() => {
    if (state.at === "out") document.title = t.product;
  }, [state.at]);
  useEffect(() => {
    const main = document.getElementById("main");
    // The back button has taken away the form for which the page stayed.
    if (state.at === "in" && state.isLocked && !(main && hasTypedForm(main))) leave(t.door.ended);
  }, [place]);
  if (place.path[0] === "key") return <Holder />;
  if (state.at === "asking") {
    return (
      <main class="door">
        <Waiting />
      </main>
    );
  }
  if (state.at === "out") {
    return (
      <Door note={state.note} onEnd={end} onIn={enter}>
        <ProblemNote error={state.error} again={state.again} />
      </Door>
    );
  }
  return (
    <CallerContext.Provider value={state.caller}>
      <Frame key={state.frame} place={place} onOut={leave} />
      <Toasts />
      {state.isLocked && (
        <Over label={t.door.title}>
          <Door note={t.door.endedTyped} onEnd={end} onIn={enter} />
        </Over>
      )}
    </CallerContext.Provider>
  );
}
