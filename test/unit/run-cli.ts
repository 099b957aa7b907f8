import { type CliEnvironment, runProgram } from "../../src/cli/program.ts";

export interface Call {
  method: string;
  /** Path and query. */
  path: string;
  headers: Headers;
  body: unknown;
}

export type Answers = Record<string, unknown | ((call: Call) => unknown)>;

export const problem = (status: number, code: string, detail: string, extras: Record<string, unknown> = {}): Response =>
  Response.json(
    { type: "about:blank", title: "no", status, code, detail, error: detail, requestId: "req1", ...extras },
    { status, headers: { "content-type": "application/problem+json" } },
  );

/** A service that answers by `METHOD /path` below the base path, and remembers what it was asked. */
export function fakeService(answers: Answers) {
  const calls: Call[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const text = await request.text();
    const call: Call = {
      method: request.method,
      path: url.pathname.replace(/^\/api\/v1/, "") + url.search,
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    calls.push(call);
    const answer = answers[`${call.method} ${call.path}`] ?? answers[`${call.method} ${call.path.split("?")[0]}`];
    if (answer === undefined) return problem(404, "not_found", "There is nothing at this address");
    const value = typeof answer === "function" ? await answer(call) : answer;
    return value instanceof Response ? value : Response.json(value);
  };
  return { fetch, calls };
}

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
  calls: Call[];
  closed: number;
}

/** Runs the program in this process over a fake service. */
export async function runCli(
  args: string[],
  answers: Answers = {},
  world: Partial<CliEnvironment> & { variables?: Record<string, string>; stdin?: string } = {},
): Promise<Ran> {
  const { variables = {}, stdin = "", ...overrides } = world;
  const service = fakeService(answers);
  const ran: Ran = { exitCode: -1, stdout: "", stderr: "", calls: service.calls, closed: 0 };
  const unexpected = (what: string) => async () => {
    throw new Error(`${what} was not expected`);
  };
  ran.exitCode = await runProgram(
    {
      version: "1.2.3",
      write: (text) => {
        ran.stdout += text;
      },
      writeError: (text) => {
        ran.stderr += text;
      },
      isTerminal: false,
      env: (name) => variables[name],
      readStdin: async () => stdin,
      readFile: unexpected("a file"),
      openLocal: async () => ({
        fetch: service.fetch,
        basePath: "/api/v1",
        exclusively: (work) => work(),
        close: async () => {
          ran.closed += 1;
        },
      }),
      fetch: service.fetch,
      doctor: unexpected("doctor"),
      seal: unexpected("seal"),
      serve: unexpected("serve"),
      ...overrides,
    },
    args,
  );
  return ran;
}
