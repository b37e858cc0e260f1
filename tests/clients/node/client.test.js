// toxiproxy-node-client. Its package holds no tests.
//
// TOXIPROXY_URL names the API, UPSTREAM a server that sends back what it gets.
"use strict";

const assert = require("node:assert/strict");
const net = require("node:net");
const { beforeEach, test } = require("node:test");
const { Toxiproxy, ToxiproxyError } = require("toxiproxy-node-client");

const toxiproxy = new Toxiproxy(process.env.TOXIPROXY_URL);
const upstream = process.env.UPSTREAM;

// Nothing that is waited for takes longer, even on a busy machine.
const PATIENCE = 30_000;

// Every type with values of its own for each attribute.
const TYPES = {
  noop: {},
  latency: { latency: 120, jitter: 7 },
  bandwidth: { rate: 64 },
  slow_close: { delay: 40 },
  timeout: { timeout: 300 },
  slicer: { average_size: 100, size_variation: 10, delay: 50 },
  reset_peer: { timeout: 20 },
  limit_data: { bytes: 4096 },
  packet_loss: { loss_rate: 0.25, correlation: 0.5 },
};

let proxy;

beforeEach(async () => {
  for (const old of Object.values(await toxiproxy.getAll())) {
    await old.remove();
  }
  proxy = await toxiproxy.createProxy({ name: "p", listen: "localhost:0", upstream });
});

// Its errors hold the status alone.
async function refused(status, call) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ToxiproxyError, error);
    assert.equal(error.message, `Request failed with status code ${status}`);
    return true;
  });
}

// Sends this, and hears it out: until so many bytes have come, or until the end. What came, how long it took, which error.
function talk(said, { bytes = Infinity, half = false } = {}) {
  return new Promise((resolve) => {
    const begin = process.hrtime.bigint();
    const [host, port] = [proxy.listen.slice(0, proxy.listen.lastIndexOf(":")), proxy.listen.split(":").pop()];
    const socket = net.connect({ host, port, allowHalfOpen: true });
    let heard = "";
    const done = (end) => {
      socket.destroy();
      resolve({ heard, end, took: Number(process.hrtime.bigint() - begin) / 1e6 });
    };
    socket.setNoDelay(true);
    socket.setTimeout(PATIENCE, () => done("nothing more came"));
    socket.on("connect", () => (half ? socket.end(said) : socket.write(said)));
    socket.on("data", (data) => {
      heard += data;
      if (heard.length >= bytes) {
        done(null);
      }
    });
    socket.on("end", () => done("end"));
    socket.on("error", (error) => done(error.code));
  });
}

async function answers() {
  assert.equal((await talk("hello", { bytes: 5 })).heard, "hello");
}

test("proxies are made, listed, changed and removed", async () => {
  assert.match(proxy.listen, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.deepEqual(proxy.toJson(), { name: "p", listen: proxy.listen, upstream, enabled: true });
  const other = await toxiproxy.createProxy({ name: "127.0.0.1:80", listen: "0.0.0.0:0", upstream: "x:1", enabled: false });
  assert.equal(other.listen, "0.0.0.0:0");
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["127.0.0.1:80", "p"]);
  assert.deepEqual((await toxiproxy.get("127.0.0.1:80")).toJson(), other.toJson());
  assert.equal((await proxy.update({ upstream: "x:1" })).upstream, "x:1");
  assert.equal((await toxiproxy.get("p")).upstream, "x:1");
  await other.remove();
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["p"]);
  assert.match(await toxiproxy.getVersion(), /^{"version": "2\.12\.0"/);
});

test("a disabled proxy refuses, and comes back on its port", async () => {
  await answers();
  const off = await proxy.update({ enabled: false });
  assert.deepEqual([off.enabled, off.listen], [false, proxy.listen]);
  assert.equal((await talk("hello")).end, "ECONNREFUSED");
  const on = await proxy.update({ enabled: true });
  assert.deepEqual([on.enabled, on.listen], [true, proxy.listen]);
  await answers();
});

test("every toxic in both streams", async () => {
  for (const [type, attributes] of Object.entries(TYPES)) {
    for (const stream of ["upstream", "downstream"]) {
      // An empty name is none.
      const toxic = await proxy.addToxic({ name: "", type, stream, toxicity: 0.25, attributes });
      const want = { name: `${type}_${stream}`, type, stream, toxicity: 0.25, attributes };
      assert.deepEqual(toxic.toJson(), want);
      assert.deepEqual((await proxy.getToxic(want.name)).toJson(), want);
      await toxic.remove();
      await refused(404, () => proxy.getToxic(want.name));
    }
  }
});

test("an update changes what it says", async () => {
  const toxic = await proxy.addToxic({ type: "latency", attributes: { latency: 100, jitter: 10 } });
  assert.deepEqual([toxic.name, toxic.toxicity], ["latency_downstream", 1]);
  const changed = await toxic.update({ attributes: { latency: 5 }, toxicity: 0.5 });
  assert.deepEqual(changed.attributes, { latency: 5, jitter: 10 });
  assert.equal(changed.toxicity, 0.5);
  assert.deepEqual((await proxy.getToxic("latency_downstream")).toJson(), changed.toJson());
});

test("many at a time, and everything as it was", async () => {
  await proxy.addToxic({ type: "timeout", attributes: {} });
  const wanted = [
    { name: "p", listen: proxy.listen, upstream },
    { name: "q", listen: "127.0.0.1:0", upstream, enabled: false },
  ];
  const made = await toxiproxy.populate(wanted);
  assert.deepEqual(Object.keys(made), ["p", "q"]);
  assert.equal(made.q.enabled, false);
  assert.equal((await proxy.getToxic("timeout_downstream")).type, "timeout");
  await toxiproxy.reset();
  await refused(404, () => proxy.getToxic("timeout_downstream"));
  assert.equal((await toxiproxy.get("q")).enabled, true);
  await answers();
  await refused(400, () => toxiproxy.populate([{ name: "r", upstream }, { name: "s" }]));
  await refused(500, () => toxiproxy.populate([{ name: "r", upstream, listen: "127.0.0.1:0" }, { name: "s", upstream, listen: "local373" }]));
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["p", "q", "r"]);
});

test("refusals", async () => {
  await refused(409, () => toxiproxy.createProxy({ name: "p", listen: "localhost:0", upstream }));
  await refused(400, () => toxiproxy.createProxy({ name: "q", listen: "localhost:0" }));
  await refused(500, () => toxiproxy.createProxy({ name: "q", listen: proxy.listen, upstream }));
  await refused(404, () => toxiproxy.get("nope"));
  const toxic = await proxy.addToxic({ type: "noop" });
  await refused(409, () => proxy.addToxic({ type: "noop" }));
  await refused(400, () => proxy.addToxic({ type: "nope" }));
  await refused(400, () => proxy.addToxic({ type: "latency", stream: "sideways" }));
  await refused(400, () => proxy.addToxic({ type: "latency", attributes: { latency: "100" } }));
  await toxic.remove();
  await refused(404, () => toxic.remove());
  await refused(404, () => toxic.update({ toxicity: 1 }));
  await proxy.remove();
  await refused(404, () => proxy.remove());
});

test("latency is never early", async () => {
  await proxy.addToxic({ type: "latency", attributes: { latency: 120 } });
  await proxy.addToxic({ type: "latency", stream: "upstream", attributes: { latency: 80 } });
  const { heard, took } = await talk("hello", { bytes: 5 });
  assert.equal(heard, "hello");
  assert.ok(took >= 200, took);
});

test("silence, limits, resets and a late end", async () => {
  const felt = async (type, attributes, said, options) => {
    const toxic = await proxy.addToxic({ type, attributes });
    const talked = await talk(said, options);
    await toxic.remove();
    return talked;
  };
  const silent = await felt("timeout", { timeout: 100 }, "lost");
  assert.deepEqual([silent.heard, silent.end], ["", "end"]);
  assert.ok(silent.took >= 100, silent.took);
  const limited = await felt("limit_data", { bytes: 3 }, "hello");
  assert.deepEqual([limited.heard, limited.end], ["hel", "end"]);
  assert.equal((await felt("reset_peer", { timeout: 0 }, "x")).end, "ECONNRESET");
  const late = await felt("slow_close", { delay: 150 }, "bye", { half: true });
  assert.deepEqual([late.heard, late.end], ["bye", "end"]);
  assert.ok(late.took >= 150, late.took);
  await answers();
});

test("bandwidth 0 holds and loses nothing", async () => {
  // As the modules of Testcontainers cut a connection.
  const cut = await Promise.all(
    ["upstream", "downstream"].map((stream) => proxy.addToxic({ name: `CUT_${stream}`, type: "bandwidth", stream, attributes: { rate: 0 } })),
  );
  const talked = talk("held", { bytes: 4 });
  const silence = new Promise((resolve) => setTimeout(resolve, 150, "silence"));
  assert.equal(await Promise.race([talked, silence]), "silence");
  await Promise.all(cut.map((toxic) => toxic.remove()));
  assert.equal((await talked).heard, "held");
});
