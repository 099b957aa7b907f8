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
import { forgetAll } from "./state/use-query.ts";
import { t } from "./texts.ts";
import { ProblemNote } from "./ui/problem.tsx";
import { Waiting } from "./ui/table.tsx";
import { Toasts } from "./ui/toasts.tsx";

type State = { at: "asking" } | { at: "out"; note?: string; error?: ApiError } | { at: "in"; caller: ConsoleCaller };

const firstCode = takeCode();

/** Nobody is signed in, or somebody is; what is behind the door is gone with the session. */
export function App() {
  const [state, setState] = useState<State>({ at: "asking" });
  const place = usePlace();
  const leave = (note?: string) => {
    forgetAll();
    setState({ at: "out", ...(note !== undefined && { note }) });
  };
  const enter = (caller: ConsoleCaller) => {
    forgetAll();
    afterSecret(undefined);
    setState({ at: "in", caller });
  };
  const end = () => afterSecret(() => leave(t.door.ended));
  const begin = (code?: string) =>
    resume(code, end).then(
      (caller) => {
        // A session that has ended has said so by then.
        if (caller) enter(caller);
        else setState((before) => (before.at === "out" ? before : { at: "out" }));
      },
      (error: unknown) =>
        setState({
          at: "out",
          note:
            code !== undefined && error instanceof ApiError && error.status === 401
              ? t.door.wrongLink
              : t.door.unreachable,
          ...(error instanceof ApiError && { error }),
        }),
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
        <ProblemNote error={state.error} />
      </Door>
    );
  }
  return (
    <CallerContext.Provider value={state.caller}>
      <Frame key={state.caller.id} place={place} onOut={leave} />
      <Toasts />
    </CallerContext.Provider>
  );
}
