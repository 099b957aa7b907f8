import { hash } from "node:crypto";
import { escapeHidden } from "../../src/domain/hidden-characters.ts";
import { quotaShare, tightestQuota } from "../../src/domain/quota-share.ts";
import type { AgentSummary } from "../../src/schema/agent.ts";
import type { QuotaStates } from "../../src/schema/quota.ts";

/** Seconds: a frame of the Control UI has no other way to follow what changes. */
const refreshSeconds = 15;
const nearShare = 0.8;
const mostRows = 20;

const styles = `:root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:24px;max-width:60rem;font-variant-numeric:tabular-nums;background:light-dark(#faf9f7,#131417);color:light-dark(#1d1c1a,#e9e8e6)}h1{font-size:20px}h2{font-size:14px;margin:28px 0 8px}dl{display:flex;flex-wrap:wrap;gap:12px;margin:0}dl div{border:1px solid light-dark(#e4e1db,#2c2e34);border-radius:8px;padding:12px 16px;min-width:9rem}dt,.muted{color:light-dark(#625e57,#a3a5ab)}dd{margin:0;font-size:24px;font-weight:600}table{border-collapse:collapse;width:100%}th{text-align:left;font-size:12px;color:light-dark(#625e57,#a3a5ab)}td,th{padding:6px 12px 6px 0;border-bottom:1px solid light-dark(#e4e1db,#2c2e34)}.num{text-align:right}.warn{color:light-dark(#8a5200,#f0b64e)}.bad{color:light-dark(#b3261e,#ff8f86)}.track{fill:light-dark(#e4e1db,#2c2e34)}.fill{fill:light-dark(#17683c,#6fd09b)}code{user-select:all}`;

/** The page runs nothing and asks for nothing; the Control UI alone may frame it. */
export const summaryHeaders: Record<string, string> = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${hash("sha256", styles, "base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
};

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const text = (value: string): string => escapeHidden(value).replace(/[&<>"']/g, (sign) => entities[sign]!);

const number = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });

/** The agents that the page inside OpenClaw shows. */
export interface Summary {
  agents: AgentSummary[];
  /** Whether these are all. */
  complete: boolean;
  /** The whole console's address. */
  consoleUrl: string | undefined;
}

/** The gateway's agents near a limit, and the spending: a document without script, form or link. */
export function summaryPage({ agents, complete, consoleUrl }: Summary): string {
  const sum = (of: (agent: AgentSummary) => number): number => agents.reduce((total, agent) => total + of(agent), 0);
  const near = agents.filter(({ share = 0 }) => share >= nearShare).sort((a, b) => (b.share ?? 0) - (a.share ?? 0));
  const figures: [string, string][] = [
    ["Agents", String(agents.length)],
    ["Suspended", String(agents.filter(({ status }) => status === "suspended").length)],
    ["Tokens this month", number.format(sum(({ usage }) => usage?.tokens ?? 0))],
    ["USD this month", money.format(sum(({ usage }) => usage?.usd ?? 0))],
    ["Near a limit", String(near.length)],
  ];
  const rows = [...agents].sort((a, b) => (b.share ?? -1) - (a.share ?? -1)).slice(0, mostRows);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="${refreshSeconds}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Provisioning</title>
<style>${styles}</style>
<h1>Provisioning</h1>
${complete ? "" : `<p class="warn">There are more: this is of the first ${agents.length} agents.</p>`}
<dl>${figures.map(([title, value]) => `<div><dt>${title}</dt><dd>${value}</dd></div>`).join("")}</dl>
<h2>The tightest quotas</h2>
${rows.length === 0 ? '<p class="muted">No agents yet.</p>' : table(rows)}
${consoleUrl === undefined ? "" : `<p class="muted">Changes are made in the console: <code>${text(consoleUrl)}</code>. <code>openclaw provisioning console</code> prints a link that signs you in.</p>`}
</html>
`;
}

const table = (agents: AgentSummary[]): string =>
  `<table><tr><th>Agent</th><th>Status</th><th>Quota</th><th class="num">Tokens</th><th class="num">USD</th></tr>${agents
    .map(
      ({ name, agentId, status, quotas, usage }) =>
        `<tr><td><b>${text(name)}</b> ${name === agentId ? "" : `<span class="muted">${text(agentId)}</span>`}</td>` +
        `<td class="${status === "ready" ? "" : "warn"}">${text(status)}</td><td>${meter(quotas ?? {})}</td>` +
        `<td class="num">${number.format(usage?.tokens ?? 0)}</td><td class="num">${money.format(usage?.usd ?? 0)}</td></tr>`,
    )
    .join("")}</table>`;

const width = 96;

function meter(quotas: QuotaStates): string {
  const tightest = tightestQuota(quotas);
  if (!tightest) return '<span class="muted">none</span>';
  const { name, state } = tightest;
  const share = quotaShare(state);
  const format = name.includes("Usd") ? money : number;
  const tone = share >= 1 ? "bad" : share >= nearShare ? "warn" : "";
  return (
    `<svg width="${width}" height="8" aria-hidden="true"><rect class="track" width="${width}" height="8" rx="4"/>` +
    `<rect class="fill" width="${Math.round(Math.min(1, share) * width)}" height="8" rx="4"/></svg> ` +
    `<span class="${tone}">${format.format(state.used + state.reserved)} / ${format.format(state.limit)}</span> ` +
    `<span class="muted">${text(name)}</span>`
  );
}
