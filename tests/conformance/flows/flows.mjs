// What a program in JavaScript does about identity: `node flows.mjs '[{"do": "list"}, …]'` prints one JSON line an action.
// A step may carry `client`: options of a client of its own, beside the one of the environment and the file.
import { ModalClient } from "modal";

const actions = {
  list: async (client) => {
    const names = [];
    for await (const environment of await client.environments.objects.list()) names.push(environment.name);
    return names;
  },
  create: (client, { name }) => client.environments.objects.create(name).then(() => name),
  delete: (client, { name }) => client.environments.objects.delete(name).then(() => name),
  look: (client, { name }) => client.environments.fromName(name).then((environment) => environment.name),
  environment: async (client) => client.environmentName(),
  builder: (client, { name }) => client.getImageBuilderVersion(name),
};

const clients = [];
for (const step of JSON.parse(process.argv[2])) {
  let line;
  try {
    const client = new ModalClient(step.client ?? {});
    clients.push(client);
    line = { ok: await actions[step.do](client, step) };
  } catch (error) {
    line = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(line));
}
for (const client of clients) client.close();
