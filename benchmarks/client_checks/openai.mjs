// What the npm package `openai` is tried with: run by `benchmarks.clients` in a folder that has it.
//
//     node openai.mjs ADDRESS KEY MODEL_SERVER
//
// Prints one JSON object a feature.

import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [address, key, modelServer] = process.argv.slice(2);
const asked = "When does the ferry to Naxos leave?";
const slow = "Slowly: when does the ferry to Naxos leave?";
const told = "Answer as a CAPTAIN does.";
const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
const tool = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
const schema = { type: "object", properties: { hour: { type: "string" } }, required: ["hour"], additionalProperties: false };
const client = (apiKey = key) => new OpenAI({ baseURL: `${address}/v1`, apiKey, maxRetries: 0 });
const user = (content) => ({ role: "user", content });

const create = (fields = {}, options = {}) =>
  client().chat.completions.create({ model: "chat", messages: [user(asked)], ...fields }, options);
const text = async (fields = {}) => {
  const made = await create(fields);
  if (!fields.stream) return made.choices[0].message.content;
  let said = "";
  for await (const chunk of made) said += chunk.choices[0]?.delta?.content ?? "";
  return said;
};
const holds = (said, ...words) => {
  for (const word of words) if (!String(said).includes(word)) throw new Error(`no ${word} in ${said}`);
  return String(said);
};
const rejects = async (kind, check, ...words) => {
  let said;
  try {
    said = await check();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    holds(`${error.message} ${error.code}`, ...words);
    return `openai.${error.constructor.name}`;
  }
  throw new Error(`nothing was raised, but said: ${said}`);
};
const stopped = async (begin) => {
  await begin();
  for (let i = 0; i < 40; i++) {
    const { active } = await (await fetch(`${modelServer}/active`)).json();
    if (active === 0) return "the model's request was closed";
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the model goes on writing");
};
const history = [user(asked), { role: "assistant", content: "At noon." }, user("And in winter?")];
const called = [
  user([{ type: "text", text: asked }, picture]),
  { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }] },
  { role: "tool", tool_call_id: "c1", content: "noon" },
  user("And in winter?"),
];
const bad = OpenAI.BadRequestError;

const checks = {
  plain: async () => holds(await text(), "noon", "[1]"),
  citations: async () => holds((await create()).citations[0].text, "noon"),
  annotations: async () => holds((await create()).choices[0].message.annotations[0].url_citation.url, "file:"),
  stream: async () => holds(await text({ stream: true }), "noon", "[1]"),
  "stream helper": async () => {
    const stream = client().chat.completions.stream({ model: "chat", messages: [user(asked)] });
    return holds((await stream.finalChatCompletion()).choices[0].message.content, "noon");
  },
  usage: async () => holds((await create()).usage.total_tokens > 0, "true"),
  "usage in a stream": async () => {
    let last;
    for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) last = chunk;
    return holds(last.usage.total_tokens > 0, "true");
  },
  history: async () => holds(await text({ messages: history }), "[1]"),
  "system message": async () => holds(await text({ messages: [{ role: "system", content: told }, user(asked)] }), "CAPTAIN"),
  "developer message": async () => holds(await text({ messages: [{ role: "developer", content: told }, user(asked)] }), "CAPTAIN"),
  "tools and pictures in the history": async () => holds(await text({ messages: called }), "[1]"),
  "a picture in the question": () => rejects(bad, () => text({ messages: [user([picture])] }), "reads text only"),
  "tools, auto": async () => holds(await text({ tools: [tool] }), "noon"),
  "tools, required": () => rejects(bad, () => text({ tools: [tool], tool_choice: "required" }), "tool"),
  "JSON schema": () =>
    rejects(bad, () => text({ response_format: { type: "json_schema", json_schema: { name: "d", schema, strict: true } } }), "response_format"),
  "log-probabilities": () => rejects(bad, () => text({ logprobs: true }), "logprobs"),
  "two choices": () => rejects(bad, () => text({ n: 2 }), "one answer"),
  stop: async () => holds((await text({ stop: "noon" })).includes("noon"), "false"),
  "stop in a stream": async () => holds((await text({ stop: ["noon"], stream: true })).includes("noon"), "false"),
  max_tokens: async () => holds((await create({ max_tokens: 2 })).choices[0].finish_reason, "length"),
  max_completion_tokens: async () => holds((await create({ max_completion_tokens: 2 })).choices[0].finish_reason, "length"),
  "temperature, top_p, seed": async () => holds(await text({ temperature: 0.5, top_p: 0.9, seed: 3 }), "noon"),
  "reasoning effort": async () => holds(await text({ reasoning_effort: "low" }), "noon"),
  "giving up": () =>
    stopped(async () => {
      const stream = await create({ messages: [user(slow)], stream: true });
      for await (const _ of stream) break;
      stream.controller.abort();
    }),
  models: async () => holds((await client().models.list()).data.map((each) => each.id), "chat", "search"),
  "one model": async () => holds((await client().models.retrieve("chat")).id, "chat"),
  "an unknown model": () => rejects(OpenAI.NotFoundError, () => text({ model: "none" }), "Models: "),
  "a wrong key": () => rejects(OpenAI.AuthenticationError, () => client("wrong-key").models.list(), "key"),
  "too long a question": () => rejects(bad, () => text({ messages: [user("word ".repeat(10000))] }), "context_length"),
  "a time limit": () => rejects(OpenAI.APIConnectionTimeoutError, () => create({ messages: [user(slow)] }, { timeout: 500 })),
};

const { version } = JSON.parse(readFileSync("node_modules/openai/package.json", "utf8"));
console.log(JSON.stringify({ version: `openai (npm) ${version}, Node ${process.version}` }));
for (const [feature, check] of Object.entries(checks)) {
  let said, works;
  try {
    [said, works] = [await check(), true];
  } catch (error) {
    [said, works] = [`${error.constructor.name}: ${error.message}`, false];
  }
  console.log(JSON.stringify({ feature, works, said: String(said).replace(/\s+/g, " ").slice(0, 300) }));
}
