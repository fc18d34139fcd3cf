// What a program in JavaScript does about identity, and calls: `node flows.mjs '[{"do": "list"}, …]'` prints one JSON line an action.
// A step may carry `client`: options of a client of its own, beside the one of the environment and the file.
import { ModalClient } from "modal";

// JSON has no bytes: {"bytes": "aGk=", "times": 2} are those of "hihi".
function real(value) {
  if (Array.isArray(value)) return value.map(real);
  if (value === null || typeof value !== "object") return value;
  if ("bytes" in value) return new Uint8Array(Buffer.alloc(Buffer.from(value.bytes, "base64").length * (value.times ?? 1), value.bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, real(each)]));
}

function plain(value) {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

const actions = {
  list: async (client) => {
    const names = [];
    for await (const environment of await client.environments.objects.list()) names.push(environment.name);
    return names;
  },
  create: (client, { name }) => client.environments.objects.create(name).then(() => name),
  delete: (client, { name }) => client.environments.objects.delete(name).then(() => name),
  look: (client, { name }) => client.environments.fromName(name).then((environment) => environment.name),
  // What is put, in order, then what is taken, read and left.
  queue: async (client, { name }) => {
    const queue = name ? await client.queues.fromName(name, { createIfMissing: true }) : await client.queues.ephemeral();
    try {
      await queue.put("first");
      await queue.putMany([2, "drei"]);
      await queue.put("elsewhere", { partition: "p" });
      const seen = [];
      for await (const value of queue.iterate()) seen.push(value);
      const sizes = [await queue.len(), await queue.len({ partition: "p" }), await queue.len({ total: true })];
      const taken = [await queue.get(), ...(await queue.getMany(5))];
      let empty = "";
      await queue.get({ timeoutMs: 200 }).catch((error) => (empty = error.name));
      await queue.clear({ all: true });
      return { seen, sizes, taken, empty, left: await queue.len({ total: true }) };
    } finally {
      if (!name) queue.closeEphemeral();
    }
  },
  // What a partition of a queue in an environment says: taken, seen, left; and how full and old ones end.
  partitions: async (client, { environment }) => {
    const queue = await client.queues.ephemeral({ environment });
    const partition = "p";
    const named = (promise) => promise.then(() => "", (error) => error.name);
    try {
      await queue.putMany([1, 2, 3], { partition, partitionTtlMs: 60_000 });
      const taken = [await queue.get({ partition }), ...(await queue.getMany(5, { partition }))];
      const empty = await named(queue.getMany(2, { partition, timeoutMs: 200 }));
      await queue.put(4, { partition });
      const seen = [];
      const began = Date.now();
      for await (const value of queue.iterate({ partition, itemPollTimeoutMs: 500 })) seen.push(value);
      const waited = Date.now() - began >= 400;
      await queue.clear({ partition });
      const left = await queue.len({ partition });
      await queue.putMany([1, 2], { partition: "short", partitionTtlMs: 1000 });
      for (let n = 0; n < 50; n++) await queue.putMany(Array(100).fill(n));
      const full = await named(queue.put(1, { timeoutMs: 300 }));
      const end = Date.now() + 20_000;
      while ((await queue.len({ partition: "short" })) > 0 && Date.now() < end);
      return { taken, empty, seen, waited, left, full, old: await queue.len({ partition: "short" }) };
    } finally {
      queue.closeEphemeral();
    }
  },
  // In an environment: objects that are made, found, dropped, and dropped again.
  elsewhere: async (client, { name, environment }) => {
    await client.queues.fromName(name, { environment, createIfMissing: true });
    await client.volumes.fromName(name, { environment, createIfMissing: true, version: 2 });
    (await client.volumes.ephemeral({ environment })).closeEphemeral();
    const missing = [];
    for (const kind of [client.queues, client.volumes]) {
      await kind.fromName(name).catch(() => missing.push("in the other one"));
      await kind.delete(name, { environment });
      await kind.delete(name, { environment, allowMissing: true });
      await kind.delete(name, { environment }).catch(() => missing.push("a second time"));
    }
    await client.secrets.delete(name, { environment, allowMissing: true });
    return missing;
  },
  // A function with a secret of this program and a folder of a volume that it may only read.
  given: async (client, { app, name }) => {
    const volume = await client.volumes.fromName("spoken-data");
    const options = {
      secrets: [await client.secrets.fromObject({ GIVEN: "from here" })],
      volumes: { "/data": volume.withMountOptions({ readOnly: true, subPath: "/sub" }) },
    };
    const bound = await (await client.functions.fromName(app, name)).withOptions(options).instance();
    return bound.remote([]);
  },
  dropQueue: (client, { name }) => client.queues.delete(name).then(() => name),
  putOne: (client, { name }) => client.queues.fromName(name).then((queue) => queue.put("from here")).then(() => name),
  takeOne: (client, { name }) => client.queues.fromName(name, { createIfMissing: true }).then((queue) => queue.get({ timeoutMs: 20_000 })),
  secret: (client, { name, keys }) => client.secrets.fromName(name, { requiredKeys: keys }).then((secret) => secret.name),
  dropSecret: (client, { name }) => client.secrets.delete(name).then(() => name),
  // The name of a named one; of an ephemeral one whether it has an id.
  volume: async (client, { name, make }) => {
    if (name) return (await client.volumes.fromName(name, { createIfMissing: make })).name;
    const volume = await client.volumes.ephemeral();
    const made = volume.withMountOptions({ readOnly: true }).volumeId.startsWith("vo-");
    volume.closeEphemeral();
    return made;
  },
  dropVolume: (client, { name }) => client.volumes.delete(name).then(() => name),
  environment: async (client) => client.environmentName(),
  call: async (client, { app, name, args, environment }) => (await client.functions.fromName(app, name, { environment })).remote(real(args)),
  // What a call gives that is asked by its id, twice; how one ends that is cancelled; and what is known of its function meanwhile.
  spawn: async (client, { app, name, args }) => {
    const { functionCallId } = await (await client.functions.fromName(app, name)).spawn(args);
    const call = await client.functionCalls.fromId(functionCallId);
    const results = [await call.get(), await call.get({ timeoutMs: 0 })];
    const hang = await client.functions.fromName(app, "hang");
    await hang.updateAutoscaler({ maxContainers: 1, scaledownWindowMs: 5000 });
    const hanging = await hang.spawn();
    const early = await hanging.get({ timeoutMs: 0 }).catch((error) => error.name);
    const { backlog, numTotalRunners } = await hang.getCurrentStats();
    await hanging.cancel({ terminateContainers: true });
    const end = await hanging.get().catch((error) => error.message);
    return { results, early, there: backlog + numTotalRunners > 0, end };
  },
  // What is known of a function, of one of its calls and of its app, after a call of it by its id. Output is kept a moment after the result.
  known: async (client, { app, name, args }) => {
    const { functionId } = await client.functions.fromName(app, name);
    const fn = await client.functions.fromId(functionId);
    const call = await fn.spawn(args);
    const result = await call.get();
    let said;
    while (!said) for await (const entry of call.logs.fetch({ source: "stdout" })) said = entry.message;
    const latest = [];
    for await (const entry of fn.logs.tail()) latest.push(entry.message);
    const { inputSuccessCount } = await fn.stats();
    const { series } = await fn.metrics.export({ groups: ["calls"] });
    const schema = await fn.metrics.schema();
    const info = await (await client.apps.fromName(app)).info({ refresh: true });
    const settings = await fn.updateAutoscaler({ maxContainers: 1, scaledownWindowMs: 5000 });
    return {
      result, said, latest: latest.includes(said), done: inputSuccessCount > 0, counted: "successful_calls_count" in series,
      schema: schema.calls.definitions.length > 0, state: info.lifecycle.state, same: info.functions[name] === functionId,
      settings: [settings.maxContainers, settings.scaledownWindowMs],
    };
  },
  // What two calls at a time give: of a variant that takes both at once, or both as one batch.
  pair: async (client, { app, name, batch }) => {
    const fn = (await client.functions.fromName(app, name)).withOptions({ maxContainers: 1 });
    const variant = batch ? fn.withBatching({ maxBatchSize: 2, waitMs: 60_000 }) : fn.withConcurrency({ maxInputs: 2 });
    const bound = await variant.instance();
    return Promise.all([0, 1].map((i) => bound.remote([i])));
  },
  // Of a class, or of its variant with these variables; at once, or by a call of its own.
  method: async (client, { app, name, params, method, args, env, spawn }) => {
    const cls = await client.cls.fromName(app, name);
    const instance = await (env ? cls.withOptions({ env, maxContainers: 1 }) : cls).instance(real(params));
    const bound = instance.method(method);
    return spawn ? (await bound.spawn(real(args))).get() : bound.remote(real(args));
  },
  result: async (client, { name }) => (await client.functionCalls.fromId(name)).get({ timeoutMs: 0 }),
  builder: (client, { name }) => client.getImageBuilderVersion(name),
};

const clients = [];
for (const step of JSON.parse(process.argv[2])) {
  let line;
  try {
    const client = new ModalClient(step.client ?? {});
    clients.push(client);
    line = { ok: plain(await actions[step.do](client, step)) };
  } catch (error) {
    line = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(line));
}
for (const client of clients) client.close();
