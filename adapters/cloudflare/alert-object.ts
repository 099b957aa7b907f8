import { type AlertSender, createAlertSender } from "../../src/service/alerts/send-alerts.ts";
import { AlertRows } from "./alert-rows.ts";
import type { Bindings } from "./bindings.ts";
import { deploymentFor } from "./deployment.ts";

/** After a failure: the platform's own repetitions end after a few. */
const againMs = 30_000;
/** Each is some five of the thousand operations in an invocation; beyond those, receivers would pass for unreachable. */
const mostTaken = 100;
const noPauses: ReadonlyMap<string, number> = new Map();

/** The outbox of a Worker, and its sender: the alarm goes off when something is due. */
export class AlertObject extends AlertRows<Bindings> {
  #sender: AlertSender | undefined;

  override async alarm() {
    this.alarmAt = Number.POSITIVE_INFINITY;
    try {
      const { app } = await deploymentFor(this.env);
      this.#sender ??= createAlertSender({ ...app.context, outbox: this.outbox(app.context.clock.now) }, mostTaken);
      await this.#sender.run();
      this.wakeWhenDue();
    } catch (cause) {
      console.error("alerts cannot be sent; it is tried again", cause instanceof Error ? cause.message : cause);
      this.wake(Date.now() + againMs);
    }
  }

  protected override pauses(): ReadonlyMap<string, number> {
    return this.#sender?.pauses() ?? noPauses;
  }
}
