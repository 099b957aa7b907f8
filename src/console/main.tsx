import { render } from "preact";
import { App } from "./app.tsx";
import { noteTouches } from "./state/attended.ts";
import "./style.css";

noteTouches();
render(<App />, document.getElementById("app")!);
