// The stand-in for model providers, asked by OpenAI's SDK for TypeScript.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import OpenAI from 'openai';

const base = process.env.SIM_URL;
const model = 'sim/any';
const messages = [{ role: 'user', content: 'How many deals close this month?' }];
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather at a place',
    parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
  },
};
const question = { model, messages };

let passed = 0;
let failed = 0;

async function check(sentence, body) {
  const start = performance.now();
  try {
    await body();
    passed += 1;
    console.log(`ok      typescript, openai: ${sentence} (${((performance.now() - start) / 1000).toFixed(2)} s)`);
  } catch (error) {
    failed += 1;
    const text = String(error.stack ?? error).replaceAll('\n', '\n        ');
    console.log(`not ok  typescript, openai: ${sentence}\n        ${text}`);
  }
}

const client = (options) => new OpenAI({ apiKey: 'key', baseURL: `${base}/v1`, maxRetries: 0, ...options });
const completions = (options) => client(options).chat.completions;

async function script(...replies) {
  await fetch(`${base}/sim/script`, { method: 'DELETE' });
  await fetch(`${base}/sim/requests`, { method: 'DELETE' });
  const queued = await fetch(`${base}/sim/script`, { method: 'POST', body: JSON.stringify(replies) });
  assert.equal(queued.status, 200);
}

async function requests() {
  return (await (await fetch(`${base}/sim/requests`)).json()).data;
}

await check('a plain answer is a completion', async () => {
  await script({ content: [{ text: 'Three deals.' }], usage: { input_tokens: 12, output_tokens: 4 } });
  const answer = await completions().create(question);
  assert.equal(answer.choices[0].message.content, 'Three deals.');
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [12, 4]);
  assert.ok(answer._request_id);
});

await check('an answer streams character by character, and ends with its usage', async () => {
  const text = 'Grüße aus Köln, 東京 and 🦀.';
  await script({ content: [{ text }], chunk_chars: 1, slow_bytes: { size: 3, pause_ms: 0 } });
  const stream = completions().stream({ ...question, stream_options: { include_usage: true } });
  const pieces = [];
  stream.on('content', (piece) => pieces.push(piece));
  const completion = await stream.finalChatCompletion();
  assert.equal(pieces.join(''), text);
  assert.ok(pieces.length > 10);
  assert.equal(completion.choices[0].message.content, text);
  assert.ok((await stream.totalUsage()).completion_tokens > 0);
});

await check('two tools are called, answered and answered upon', async () => {
  const tool = (place) => ({ tool: { name: 'get_weather', input: { place } } });
  await script({ content: [{ text: 'I look.' }, tool('Graz'), tool('Linz')] });
  const completion = await completions().stream({ ...question, tools: [weather] }).finalChatCompletion();
  const [{ message, finish_reason }] = completion.choices;
  assert.equal(finish_reason, 'tool_calls');
  const places = message.tool_calls.map((call) => JSON.parse(call.function.arguments).place);
  assert.deepEqual(places, ['Graz', 'Linz']);
  await script({ content: [{ text: 'Rain.' }] });
  const results = message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'rain' }));
  const asked = { role: 'assistant', content: message.content, tool_calls: message.tool_calls };
  const conversation = [...messages, asked, ...results];
  const answer = await completions().create({ ...question, messages: conversation, tools: [weather] });
  assert.equal(answer.choices[0].message.content, 'Rain.');
  const unanswered = { ...question, messages: conversation.slice(0, 3), tools: [weather] };
  await assert.rejects(completions().create(unanswered), OpenAI.BadRequestError);
});

await check('models are listed and found', async () => {
  assert.equal((await client().models.retrieve('demo')).id, 'demo');
  const ids = [];
  for await (const each of client().models.list()) ids.push(each.id);
  assert.deepEqual(ids, ['demo']);
});

for (const [status, kind, type] of [
  [400, 'BadRequestError', 'invalid_request_error'],
  [401, 'AuthenticationError', 'invalid_request_error'],
  [403, 'PermissionDeniedError', 'invalid_request_error'],
  [404, 'NotFoundError', 'invalid_request_error'],
  [429, 'RateLimitError', 'requests'],
  [500, 'InternalServerError', 'server_error'],
  [529, 'InternalServerError', 'server_error'],
]) {
  await check(`${status} is thrown as ${kind}`, async () => {
    await script({ status });
    const error = await completions().create(question).catch((error) => error);
    assert.ok(error instanceof OpenAI[kind], `${error}`);
    assert.deepEqual([error.status, error.type], [status, type]);
    assert.ok(error.requestID);
    assert.equal((await requests()).length, 1);
  });
}

for (const status of [429, 500, 529]) {
  await check(`${status} is retried twice, after the time that the answer names`, async () => {
    const busy = { status, headers: { 'retry-after-ms': '5' } };
    await script(busy, busy, { content: [{ text: 'At last.' }] });
    const answer = await completions({ maxRetries: 2 }).create(question);
    assert.equal(answer.choices[0].message.content, 'At last.');
    const counts = (await requests()).map((request) => request.headers['x-stainless-retry-count']);
    assert.deepEqual(counts, ['0', '1', '2']);
  });
}

await check('an error in the middle of a stream is thrown after the text before it', async () => {
  const error_after = { deltas: 2, type: 'overloaded_error', message: 'Overloaded' };
  await script({ content: [{ text: 'This breaks off here' }], error_after });
  let text = '';
  const read = async () => {
    for await (const chunk of await completions().create({ ...question, stream: true })) {
      text += chunk.choices[0].delta.content ?? '';
    }
  };
  const error = await read().catch((error) => error);
  assert.ok(error instanceof OpenAI.APIError, `${error}`);
  assert.equal(text, 'This bre');
});

await check('a stream that is cut does not look finished', async () => {
  await script({ content: [{ text: 'This breaks off here' }], cut_after: 4 });
  await assert.rejects(completions().stream(question).finalChatCompletion());
});

appendFileSync(process.env.WIRE_COUNTS, `${passed} ${failed}\n`);
process.exit(failed ? 1 : 0);
