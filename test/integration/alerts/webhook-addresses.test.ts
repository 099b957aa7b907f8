import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorkerWebhooks } from "../../../adapters/cloudflare/worker-webhooks.ts";
import { createNodeWebhooks } from "../../../adapters/node/webhooks/node-webhooks.ts";
import { isAllowEntry } from "../../../src/domain/webhook-address.ts";
import { answering, webhookReceiver } from "../../webhook-receiver.ts";

const signal = () => AbortSignal.timeout(5_000);
const request = () => ({ headers: { "content-type": "application/json" }, body: "{}", signal: signal() });
const publicAddress = [{ address: "93.184.215.14", family: 4 }];

/** Every notation that a URL knows, of addresses that are not the public network's. */
const inside = [
  "https://127.0.0.1/",
  "https://127.1/",
  "https://0177.0.0.1/",
  "https://0x7f.0.0.1/",
  "https://2130706433/",
  "https://0x7f000001/",
  "https://１２７.0.0.1/",
  "https://127.0.0.1./",
  "https://[::1]/",
  "https://[::]/",
  "https://[0:0:0:0:0:0:0:1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:a00:1]/",
  "https://[::127.0.0.1]/",
  "https://[64:ff9b::7f00:1]/",
  "https://[64:ff9b::169.254.169.254]/",
  "https://[64:ff9b:1::a00:1]/",
  "https://[2002:7f00:1::]/",
  "https://[2001:0:7f00:1::]/",
  "https://[fe80::1]/",
  "https://[fec0::1]/",
  "https://[fd00:ec2::254]/",
  "https://[ff02::1]/",
  "https://[2001:db8::1]/",
  "https://0.0.0.0/",
  "https://10.0.0.1/",
  "https://100.64.0.1/",
  "https://169.254.169.254/latest/meta-data",
  "https://172.16.0.1/",
  "https://172.31.255.255/",
  "https://192.168.1.1/",
  "https://192.0.0.192/",
  "https://198.18.0.1/",
  "https://224.0.0.1/",
  "https://255.255.255.255/",
];
const insideByName = [
  "https://localhost/",
  "https://LOCALHOST./",
  "https://a.localhost/",
  "https://metadata.google.internal/",
  "https://printer.local/",
  "https://alertmanager:9093/",
];

describe.each([
  ["Node", (allow: string[]) => createNodeWebhooks({ allow: () => allow, lookup: async () => publicAddress })],
  ["Worker", (allow: string[]) => createWorkerWebhooks(allow, async () => new Response(null, { status: 204 }))],
])("%s", (name, make) => {
  it.each(inside)("refuses %s, and names the setting that allows it", async (url) => {
    const webhooks = make([]);
    const refused = {
      code: "webhook_not_allowed",
      message: expect.stringContaining("gateway.provisioning.webhooks.allow"),
    };
    await expect(webhooks.check(url)).rejects.toMatchObject(refused);
    await expect(webhooks.post(url, request())).rejects.toMatchObject(refused);
  });

  it("the entry that a refusal names does allow it", async () => {
    for (const url of [...inside, ...insideByName, "http://hooks.example.org/"]) {
      const asked = make([]);
      const message = await asked.check(url).then(
        () => "",
        (error: Error) => error.message,
      );
      const entry = /add "([^"]+)"/.exec(message)?.[1];
      // Node believes the resolver, which has a public address for every name here.
      if (entry === undefined && name === "Node" && insideByName.includes(url)) continue;
      expect([url, isAllowEntry(entry!)]).toEqual([url, true]);
      await make([entry!]).check(url);
    }
  });

  it.each([
    ["http://hooks.example.org/x", /is not https/],
    ["https://user:password@hooks.example.org/x", /carries credentials/],
    ["https://hooks.example.org:22/x", /port/],
    ["https://hooks.example.org:25/x", /port/],
    ["https://hooks.example.org:80/x", /port/],
  ])("refuses %s", async (url, reason) => {
    await expect(make([]).check(url)).rejects.toThrow(reason);
  });

  it("repeats neither path nor password", async () => {
    const error = await make([])
      .check("https://user:hidden-one@10.0.0.1/hidden-two?hidden-three")
      .catch((cause: Error) => cause);
    expect(String(error)).not.toContain("hidden");
  });

  it.each(["https://hooks.example.org/x", "https://hooks.example.org:8443/x", "https://hooks.example.org:3000/?a=b"])(
    "takes %s",
    async (url) => {
      await make([]).check(url);
    },
  );
});

describe("Worker names", () => {
  it.each(insideByName)("refuses %s", async (url) => {
    const webhooks = createWorkerWebhooks([], async () => new Response());
    await expect(webhooks.check(url)).rejects.toMatchObject({ code: "webhook_not_allowed" });
  });

  it("does not follow a redirect", async () => {
    let asked: RequestInit | undefined;
    const webhooks = createWorkerWebhooks([], async (_, init) => {
      asked = init;
      return new Response(null, { status: 302, headers: { location: "https://other.example.org/" } });
    });
    expect(await webhooks.post("https://hooks.example.org/", request())).toMatchObject({ status: 302 });
    expect(asked?.redirect).toBe("manual");
  });
});

describe("Node connections", () => {
  let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
  let webhooks: ReturnType<typeof createNodeWebhooks> | undefined;
  beforeEach(async () => {
    receiver = await webhookReceiver();
  });
  afterEach(async () => {
    await webhooks?.close();
    await receiver.close();
  });

  it("sends nothing to a name that leads inside between check and connect", async () => {
    const answers = [publicAddress, [{ address: "127.0.0.1", family: 4 }]];
    webhooks = createNodeWebhooks({ allow: () => [], lookup: async () => answers.shift()! });
    const url = `https://rebinding.example.org:${receiver.port}/`;
    await webhooks.check(url);
    await expect(webhooks.post(url, request())).rejects.toMatchObject({ code: "webhook_not_allowed" });
    expect(receiver.received).toEqual([]);
    expect(answers).toEqual([]);
  });

  it("refuses a name of which one address is inside", async () => {
    webhooks = createNodeWebhooks({
      allow: () => [],
      lookup: async () => [...publicAddress, { address: "::ffff:10.0.0.1", family: 6 }],
    });
    await expect(webhooks.check("https://half.example.org/")).rejects.toMatchObject({ code: "webhook_not_allowed" });
  });

  it("connects to the address that was checked: there is no second look", async () => {
    let looks = 0;
    webhooks = createNodeWebhooks({
      allow: () => ["127.0.0.0/8"],
      // No resolver of this machine knows the name, and a second look would lead elsewhere.
      lookup: async () => [{ address: looks++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 }],
    });
    const url = `http://no-such-name.example.org:${receiver.port}/pinned`;
    expect(await webhooks.post(url, request())).toMatchObject({ status: 204 });
    expect(receiver.received).toMatchObject([
      { path: "/pinned", headers: { host: `no-such-name.example.org:${receiver.port}` } },
    ]);
    expect(looks).toBe(1);
    // An address that has changed is connected to anew, though a connection is open.
    await expect(webhooks.post(url, request())).rejects.toThrow();
    expect(receiver.received).toHaveLength(1);
  });

  it("does not follow a redirect inside", async () => {
    const target = await webhookReceiver();
    receiver.answer(answering(307, { location: target.url }));
    webhooks = createNodeWebhooks({ allow: () => [receiver.entry] });
    expect(await webhooks.post(receiver.url, request())).toMatchObject({ status: 307 });
    expect(target.received).toEqual([]);
    await target.close();
  });

  it("plain HTTP is for what the operator named alone", async () => {
    const elsewhere = createNodeWebhooks({ allow: () => ["10.0.0.0/8"], lookup: async () => publicAddress });
    await expect(elsewhere.check("http://hooks.example.org/")).rejects.toThrow(/is not https/);
    await elsewhere.check("http://10.1.2.3/");
    await expect(elsewhere.check("https://192.168.1.1/")).rejects.toMatchObject({ code: "webhook_not_allowed" });
  });

  it("waits for a silent name server no longer than its signal says, and asks it once for all attempts", async () => {
    let looks = 0;
    const silent = new Promise<never>(() => {});
    webhooks = createNodeWebhooks({
      allow: () => [],
      lookup: () => {
        looks++;
        return silent;
      },
    });
    const attempts = Array.from({ length: 16 }, () =>
      webhooks!.post("https://silent.example.org/", { ...request(), signal: AbortSignal.timeout(50) }),
    );
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: "rejected", reason: { name: "TimeoutError" } });
    }
    expect(looks).toBe(1);
  });

  it("says which name cannot be resolved", async () => {
    const lookup = async () => {
      throw new Error("ENOTFOUND");
    };
    webhooks = createNodeWebhooks({ allow: () => [], lookup });
    await expect(webhooks.check("https://gone.example.org/")).rejects.toThrow(/gone\.example\.org.*cannot be resolved/);
  });
});

it.each([
  ["alertmanager.monitoring:9093", true],
  ["10.0.0.5:80", true],
  ["[fd00::1]:443", true],
  ["10.0.0.0/8", true],
  ["fd00::/8", true],
  ["10.0.0.0/33", false],
  ["300.0.0.0/8", false],
  ["alertmanager", false],
  ["host:0", false],
  ["host:99999", false],
  ["*", false],
  ["https://host:443", false],
])("as an entry of the allow-list, %s: %s", (text, expected) => {
  expect(isAllowEntry(text)).toBe(expected);
});
