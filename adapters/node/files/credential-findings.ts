import { distrust, namesIn, type StoreFinding, statOf } from "./private-file.ts";

/** The faults in the modes of the files that hold the agents' own keys, and of the directories around them. */
export function credentialFindings(stateDir: string): StoreFinding[] {
  if (!statOf(stateDir, "agents")?.isDirectory()) return [];
  return namesIn(stateDir, "agents").flatMap((id) => {
    if (!statOf(stateDir, `agents/${id}`)?.isDirectory()) return [];
    const directory = `agents/${id}/agent`;
    const file = `${directory}/auth-profiles.json`;
    const stats = statOf(stateDir, file);
    // Other directories are OpenClaw's, whose keys are elsewhere.
    if (!stats) return [];
    const around = statOf(stateDir, directory);
    return [around && distrust(around, directory, "directory"), distrust(stats, file, "file")].filter(
      (finding) => finding !== undefined,
    );
  });
}
