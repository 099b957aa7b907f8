import { type Command, Option } from "commander";
import {
  type UpdateWebhook,
  type WebhookCreated,
  type WebhookFormat,
  type WebhookView,
  webhookFormats,
} from "../../schema/webhook.ts";
import type { CliEnvironment } from "../environment.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { commaList, count, graceSeconds } from "../option-values.ts";
import { type Output, shortTime } from "../output.ts";
import { secretValue } from "../secret-value.ts";

const idArgument = ["<webhook-id>", "as `webhooks list` shows it"] as const;
const secretVariable = "OPENCLAW_WEBHOOK_SECRET";
const secretOption = [
  "--secret <secret>",
  `openclaw: the gateway's hook token; else a whsec_... of your own; - reads it from stdin (default: ${secretVariable}, else one is made)`,
] as const;

/** A secret is asked for only where one is needed or given: the service makes one otherwise. */
const givenSecret = async (cli: CliEnvironment, given: string | undefined): Promise<string | undefined> =>
  given === undefined && !cli.env(secretVariable)
    ? undefined
    : await secretValue(cli, "--secret", given, [secretVariable]);

function printCreated(out: Output, title: string, webhook: WebhookCreated): void {
  out.title(title);
  out.details([
    ["id", webhook.id],
    ["address", webhook.url],
    ["events", webhook.events.join(", ")],
    ["format", webhook.format],
    ["old secret signs until", shortTime(webhook.previousSecretUntil)],
    ["secret", webhook.secret],
  ]);
  if (webhook.secret === undefined) return;
  out.line();
  out.line("Give this secret to the receiver now: it is not shown again.");
}

interface CreateOptions {
  events?: string[];
  format?: WebhookFormat;
  secret?: string;
}

function createWebhook(tree: Tree, group: Command): void {
  leaf<CreateOptions, [address: string]>(tree, group, {
    name: "create",
    description: "Have alerts sent to an address",
    configure: (command) =>
      command
        .argument("<address>", "the receiver's https URL")
        .option("--events <events>", 'which, as in "quota.*,provider.failing"', commaList)
        .addOption(new Option("--format <format>", "the body's shape; standard is signed").choices(webhookFormats))
        .option(...secretOption),
    run: async ({ cli, options, out, withClient }, url) => {
      const { events, format } = options;
      const secret = await givenSecret(cli, options.secret);
      const created = await withClient("operator", (client) => client.webhooks.create({ url, events, format, secret }));
      if (options.json) return out.json(created);
      printCreated(out, "Webhook created", created);
      out.line(`\`webhooks test ${created.id}\` sends a test event.`);
    },
  });
}

function changeWebhook(
  tree: Tree,
  group: Command,
  name: string,
  description: string,
  change: UpdateWebhook | undefined,
): void {
  leaf<{ address?: string; events?: string[] }, [id: string]>(tree, group, {
    name,
    description,
    configure: (command) => {
      command.argument(...idArgument);
      if (change !== undefined) return;
      command
        .option("--address <address>", "the receiver's https URL")
        .option("--events <events>", 'which, as in "quota.*,provider.failing"', commaList);
    },
    run: async ({ options, out, withClient }, id) => {
      const body = change ?? { url: options.address, events: options.events };
      if (Object.values(body).every((value) => value === undefined)) {
        throw wrongUsage("nothing to change: give --address or --events");
      }
      const webhook = await withClient("operator", (client) => client.webhooks.update(id, body));
      if (options.json) return out.json(webhook);
      out.line(`Webhook ${id} is ${webhook.status}: ${webhook.events.join(", ")} to ${webhook.url}.`);
    },
  });
}

function showWebhooks(tree: Tree, group: Command): void {
  const state = ({ status, disabledReason }: WebhookView) =>
    disabledReason === undefined ? status : `${status} (${disabledReason})`;
  leaf(tree, group, {
    name: "list",
    description: "List webhooks",
    run: async ({ options, out, withClient }) => {
      const { webhooks } = await withClient("operator", (client) => client.webhooks.list());
      if (options.json) return out.json({ webhooks });
      if (webhooks.length === 0) return out.line("No webhooks. `webhooks create` makes one.");
      out.table(
        ["ID", "STATUS", "FORMAT", "ADDRESS", "EVENTS", "FROM"],
        webhooks.map((one) => [one.id, state(one), one.format, one.url, one.events.join(","), one.source]),
      );
    },
  });
  leaf<{ limit: number }, [id: string]>(tree, group, {
    name: "deliveries",
    description: "Show what was sent in the last seven days, the newest first",
    configure: (command) => command.argument(...idArgument).option("-n, --limit <number>", "how many", count, 20),
    run: async ({ options, out, withClient }, id) => {
      const page = await withClient("operator", (client) => client.webhooks.deliveries(id, { limit: options.limit }));
      if (options.json) return out.json(page);
      if (page.deliveries.length === 0) return out.line("Nothing was sent.");
      out.table(
        ["MESSAGE", "TYPE", "CREATED", "STATUS", "ATTEMPTS", "ANSWER", "MS", "NEXT"],
        page.deliveries.map((one) => [
          one.messageId,
          one.type,
          shortTime(one.createdAt) ?? "",
          one.state,
          String(one.attempts),
          one.status?.toString() ?? one.error ?? "",
          one.ms?.toString() ?? "",
          shortTime(one.nextAttemptAt) ?? "",
        ]),
      );
    },
  });
}

function sendWebhooks(tree: Tree, group: Command): void {
  leaf<object, [id: string]>(tree, group, {
    name: "test",
    description: "Send a test event now, once",
    configure: (command) => command.argument(...idArgument),
    run: async ({ options, out, withClient }, id) => {
      const tested = await withClient("operator", (client) => client.webhooks.test(id));
      if (options.json) out.json(tested);
      const answer = tested.status === undefined ? (tested.error ?? "no answer") : `HTTP ${tested.status}`;
      if (!tested.delivered) throw refused(`the receiver did not take it: ${answer} after ${tested.ms} ms`);
      if (!options.json) out.line(`Delivered ${tested.messageId}: ${answer} after ${tested.ms} ms.`);
    },
  });
  leaf<object, [id: string, messageId: string]>(tree, group, {
    name: "resend",
    description: "Send a delivery again, under the same id",
    configure: (command) =>
      command.argument(...idArgument).argument("<message-id>", "as `webhooks deliveries` shows it"),
    run: async ({ options, out, withClient }, id, messageId) => {
      const resent = await withClient("operator", (client) => client.webhooks.resend(id, messageId));
      if (options.json) return out.json(resent);
      out.line(`${messageId} is sent again while the service runs; \`webhooks deliveries ${id}\` shows how it went.`);
    },
  });
}

/** The group `webhooks`, with an operator's credentials. A signing secret is shown once, when it is made. */
export function addWebhookCommands(tree: Tree, parent: Command): void {
  const group = parent.command("webhooks").description("Where alerts are sent");
  createWebhook(tree, group);
  showWebhooks(tree, group);
  changeWebhook(tree, group, "update", "Change the address or the events", undefined);
  changeWebhook(tree, group, "disable", "Switch a webhook off", { disabled: true });
  changeWebhook(tree, group, "enable", "Switch a webhook on again", { disabled: false });
  sendWebhooks(tree, group);
  leaf<{ grace?: number; secret?: string }, [id: string]>(tree, group, {
    name: "rotate-secret",
    description: "Sign with a new secret; for a while with the old one as well",
    configure: (command) =>
      command
        .argument(...idArgument)
        .option("--grace <duration>", "for how long the old secret signs too (default: 24h)", graceSeconds)
        .option(...secretOption),
    run: async ({ cli, options, out, withClient }, id) => {
      const secret = await givenSecret(cli, options.secret);
      const body = { graceSeconds: options.grace, secret };
      const rotated = await withClient("operator", (client) => client.webhooks.rotateSecret(id, body));
      if (options.json) return out.json(rotated);
      printCreated(out, "Webhook secret rotated", rotated);
    },
  });
  leaf<object, [id: string]>(tree, group, {
    name: "delete",
    description: "Delete a webhook and what waits to be sent to it",
    configure: (command) => command.argument(...idArgument),
    run: async ({ options, out, withClient }, id) => {
      const deleted = await withClient("operator", (client) => client.webhooks.delete(id));
      if (options.json) return out.json(deleted);
      out.line(`Webhook ${id} is deleted.`);
    },
  });
}
