// The stand-in for model providers, asked by Anthropic's SDK for TypeScript.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';

const base = process.env.SIM_URL;
const model = 'sim/any';
const messages = [{ role: 'user', content: 'How many deals close this month?' }];
const weather = {
  name: 'get_weather',
  description: 'The weather at a place',
  input_schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
};
const question = { model, max_tokens: 100, messages };

let passed = 0;
let failed = 0;

async function check(sentence, body) {
  const start = performance.now();
  try {
    await body();
    passed += 1;
    console.log(`ok      ${sentence} (${((performance.now() - start) / 1000).toFixed(2)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`not ok  ${sentence}\n        ${String(error.stack ?? error).replaceAll('\n', '\n        ')}`);
  }
}

// As the SDK speaks on its own: a bearer token, and the newest version of the API.
const current = (options) => new Anthropic({ apiKey: 'key', baseURL: base, maxRetries: 0, ...options });
// The style before: `x-api-key`, and the version of 2023.
const older = (options) =>
  current({
    defaultHeaders: { 'anthropic-version': '2023-06-01', 'X-Api-Key': 'key', Authorization: null },
    ...options,
  });

async function script(...replies) {
  await fetch(`${base}/sim/script`, { method: 'DELETE' });
  await fetch(`${base}/sim/requests`, { method: 'DELETE' });
  const queued = await fetch(`${base}/sim/script`, { method: 'POST', body: JSON.stringify(replies) });
  assert.equal(queued.status, 200);
}

async function requests() {
  return (await (await fetch(`${base}/sim/requests`)).json()).data;
}

const cases = {
  'the headers say who asks, once': async (client, version) => {
    await script({ content: [{ text: 'Three deals.' }] });
    await client.messages.create(question);
    const [{ headers }] = await requests();
    assert.equal(headers['anthropic-version'], version);
    assert.equal('x-api-key' in headers, version === '2023-06-01');
    assert.equal('authorization' in headers, version !== '2023-06-01');
  },
  'a plain answer is a message': async (client) => {
    await script({ content: [{ text: 'Three deals.' }], usage: { input_tokens: 12, output_tokens: 4 } });
    const message = await client.messages.create(question);
    assert.deepEqual(message.content.map((block) => block.text), ['Three deals.']);
    assert.equal(message.stop_reason, 'end_turn');
    assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [12, 4]);
    assert.ok(message._request_id);
  },
  'an answer streams character by character': async (client) => {
    const text = 'Grüße aus Köln, 東京 and 🦀.';
    await script({ content: [{ text }], chunk_chars: 1, slow_bytes: { size: 3, pause_ms: 0 } });
    const stream = client.messages.stream(question);
    const pieces = [];
    stream.on('text', (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    assert.equal(pieces.join(''), text);
    assert.ok(pieces.length > 10);
    assert.equal(message.content[0].text, text);
  },
  'the events of a stream come in the order of the API': async (client) => {
    await script({ content: [{ text: 'One two three' }] });
    const names = [];
    for await (const event of await client.messages.create({ ...question, stream: true })) names.push(event.type);
    assert.deepEqual(names.slice(0, 2), ['message_start', 'content_block_start']);
    assert.deepEqual(names.slice(-3), ['content_block_stop', 'message_delta', 'message_stop']);
  },
  'events that nobody knows disturb no one': async (client) => {
    await script({ content: [{ text: 'Still here.' }], unknown_events: true });
    let text = '';
    for await (const event of await client.messages.create({ ...question, stream: true })) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
    }
    assert.equal(text, 'Still here.');
  },
  'a tool is called, answered and answered upon': async (client) => {
    await script({ content: [{ text: 'I look.' }, { tool: { name: 'get_weather', input: { place: 'Graz' } } }] });
    const first = await client.messages.stream({ ...question, tools: [weather] }).finalMessage();
    assert.equal(first.stop_reason, 'tool_use');
    const call = first.content[1];
    assert.deepEqual([call.type, call.name, call.input], ['tool_use', 'get_weather', { place: 'Graz' }]);
    await script({ content: [{ text: 'Rain.' }] });
    const result = { type: 'tool_result', tool_use_id: call.id, content: '12 °C, rain' };
    const conversation = [
      ...messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: [result] },
    ];
    const answer = await client.messages.create({ ...question, messages: conversation, tools: [weather] });
    assert.equal(answer.content[0].text, 'Rain.');
    const unanswered = { ...question, messages: [...conversation.slice(0, 2), ...messages], tools: [weather] };
    await assert.rejects(client.messages.create(unanswered), Anthropic.BadRequestError);
  },
  'a call without arguments has an empty object': async (client) => {
    const content = [{ tool: { name: 'get_weather', input: {} } }];
    await script({ content, empty_first_partial_json: true });
    const message = await client.messages.stream({ ...question, tools: [weather] }).finalMessage();
    assert.deepEqual(message.content[0].input, {});
  },
  'thinking streams with a signature and may come back': async (client) => {
    await script({ content: [{ thinking: 'Let me count.' }, { text: 'Three.' }] });
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const message = await client.messages.stream({ ...question, max_tokens: 2000, thinking }).finalMessage();
    assert.deepEqual(message.content.map((block) => block.type), ['thinking', 'text']);
    assert.equal(message.content[0].thinking, 'Let me count.');
    assert.ok(message.content[0].signature);
    await script({ content: [{ text: 'Three, as I said.' }] });
    const history = [
      ...messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: 'Sure?' },
    ];
    const again = await client.messages.create({ ...question, messages: history });
    assert.equal(again.content[0].text, 'Three, as I said.');
  },
  'tokens are counted': async (client) => {
    const count = await client.messages.countTokens({ model, messages });
    const longer = await client.messages.countTokens({ model, messages, system: 'word '.repeat(200) });
    assert.ok(0 < count.input_tokens && count.input_tokens < longer.input_tokens);
  },
  'models are listed and found': async (client) => {
    const found = await client.models.retrieve('demo');
    assert.equal(found.id, 'demo');
    assert.ok(found.max_input_tokens > 0 && found.max_tokens > 0);
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    assert.ok(ids.length > 0);
  },
};

const errors = [
  [400, 'BadRequestError', 'invalid_request_error'],
  [401, 'AuthenticationError', 'authentication_error'],
  [402, 'PaymentRequiredError', 'billing_error'],
  [403, 'PermissionDeniedError', 'permission_error'],
  [404, 'NotFoundError', 'not_found_error'],
  [413, 'ContentTooLargeError', 'request_too_large'],
  [429, 'RateLimitError', 'rate_limit_error'],
  [500, 'InternalServerError', 'api_error'],
  [504, 'GatewayTimeoutError', 'timeout_error'],
  [529, 'OverloadedError', 'overloaded_error'],
];

for (const [style, version, client] of [
  ['a bearer token', '2026-10-21', current],
  ['x-api-key', '2023-06-01', older],
]) {
  for (const [sentence, body] of Object.entries(cases)) {
    await check(`typescript, ${style} and ${version}: ${sentence}`, () => body(client(), version));
  }
}

for (const [status, kind, type] of errors) {
  await check(`typescript: ${status} is thrown as ${kind}`, async () => {
    await script({ status });
    const error = await current().messages.create(question).catch((error) => error);
    assert.ok(error instanceof Anthropic[kind], `${error}`);
    assert.deepEqual([error.status, error.type], [status, type]);
    assert.ok(error.requestID);
    assert.equal((await requests()).length, 1);
  });
}

for (const status of [429, 500, 529]) {
  await check(`typescript: ${status} is retried twice, after the time that the answer names`, async () => {
    const busy = { status, headers: { 'retry-after-ms': '5' } };
    await script(busy, busy, { content: [{ text: 'At last.' }] });
    const message = await current({ maxRetries: 2 }).messages.create(question);
    assert.equal(message.content[0].text, 'At last.');
    const counts = (await requests()).map((request) => request.headers['x-stainless-retry-count']);
    assert.deepEqual(counts, ['0', '1', '2']);
  });
}

await check('typescript: what says that it should not be retried is not', async () => {
  await script({ status: 500, headers: { 'x-should-retry': 'false' } }, { content: [{ text: 'Unasked.' }] });
  await assert.rejects(current({ maxRetries: 2 }).messages.create(question), Anthropic.InternalServerError);
  assert.equal((await requests()).length, 1);
});

await check('typescript: an error in the middle of a stream is thrown after the text before it', async () => {
  const error_after = { deltas: 2, type: 'overloaded_error', message: 'Overloaded' };
  await script({ content: [{ text: 'This breaks off here' }], error_after });
  const stream = current().messages.stream(question);
  let text = '';
  stream.on('text', (piece) => (text += piece));
  const error = await stream.finalMessage().catch((error) => error);
  assert.ok(error instanceof Anthropic.APIError, `${error}`);
  assert.equal(error.type, 'overloaded_error');
  assert.equal(text, 'This bre');
});

await check('typescript: a stream that is cut does not look finished', async () => {
  await script({ content: [{ text: 'This breaks off here' }], cut_after: 4 });
  await assert.rejects(current().messages.stream(question).finalMessage());
});

appendFileSync(process.env.WIRE_COUNTS, `${passed} ${failed}\n`);
process.exit(failed ? 1 : 0);
