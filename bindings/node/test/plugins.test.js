'use strict';

// Whatever a plugin does, the port's contract holds and the engine goes on.

const assert = require('node:assert/strict');

const { outcome } = require('..');
const { Sms, approved, onEach, open, place, until } = require('./kit');

const never = () => new Promise(() => {});

function custom(send, capabilities = {}) {
  return { capabilities: { address: 'phone', subject: false, timeout_ms: 5_000, ...capabilities }, send };
}

/** One database for all engines of a test: a new one for each would take most of its time. */
const places = new WeakMap();

async function state(t, channel) {
  const { where, number } = places.get(t) ?? { where: place(t), number: 1_000_000 };
  places.set(t, { where, number: number + 1 });
  const engine = await open(t, { ...where, channels: { sms: channel } });
  // Another person each time: some outcomes suppress the address.
  const id = await approved(engine, 'sms', { phone: `+99890${number}` });
  await engine.runUntilIdle();
  const { status, failure } = await engine.getMessage(id);
  await engine.close();
  return [status, failure];
}

onEach('outcomes lead where they should', async (t) => {
  for (const [answer, status, failure] of [
    [outcome.accepted('id-1'), 'sent', null],
    [outcome.dead('no_such_number'), 'failed', 'no_such_number'],
    [outcome.rejected('spam'), 'failed', 'spam'],
    [outcome.retryAfter(60_000, 'busy'), 'approved', 'busy'],
    [outcome.retryAfter(Number.MAX_SAFE_INTEGER, 'busy', 'channel'), 'approved', 'busy'],
    [outcome.stop('no_balance'), 'approved', 'no_balance'],
    [outcome.unknown('lost'), 'uncertain', 'lost'],
    [outcome.dead('call Anna at +998 90'), 'failed', 'reason_is_no_code'],
  ]) {
    assert.deepEqual(await state(t, custom(() => answer)), [status, failure]);
    assert.deepEqual(await state(t, custom(async () => answer)), [status, failure]);
  }
});

onEach('what is no answer is unknown', async (t) => {
  const bad = [
    () => { throw new Error('secret'); },
    () => { throw undefined; },
    async () => { throw null; },
    () => Promise.reject('text'),
    () => undefined,
    () => null,
    () => 'accepted',
    () => true,
    () => 10n,
    () => ({}),
    () => ({ outcome: 'sent' }),
    () => ({ outcome: 'accepted' }),
    () => ({ outcome: 'accepted', provider_id: 7 }),
    () => ({ outcome: 'accepted', provider_id: '' }),
    () => ({ outcome: 'accepted', provider_id: '\ud800' }),
    () => ({ outcome: 'retry_after', at_least_ms: NaN, scope: 'message' }),
    () => ({ outcome: 'retry_after', at_least_ms: -1, scope: 'message' }),
    () => Symbol('x'),
    () => () => 1,
    () => ({ get outcome() { throw new Error('trap'); } }),
    () => ({ then() { throw new Error('bad thenable'); } }),
    (message) => message.no.such,
    () => { const circle = {}; circle.circle = circle; return circle; },
  ];
  for (const send of bad) {
    const [status, failure] = await state(t, custom(send));
    assert.equal(status, 'uncertain', String(send));
    assert.ok(['plugin_raised', 'bad_answer', 'bad_provider_id'].includes(failure), failure);
  }
});

onEach('a hanging plugin is unknown, its signal aborts, and nothing else is held up', async (t) => {
  let signal;
  const quick = new Sms();
  const hang = custom((_message, call) => { signal = call.signal; return never(); }, { timeout_ms: 1_000 });
  const engine = await open(t, { channels: { hang, sms: quick } });
  const slow = await approved(engine, 'hang');
  const fast = await approved(engine, 'sms', { phone: '+998901234598' });
  const working = engine.runUntilIdle();
  await until(async () => (await engine.getMessage(fast)).status === 'sent');
  await working;
  assert.deepEqual((await engine.getMessage(slow)).failure, 'timeout');
  await until(() => signal.aborted);
  assert.equal((await engine.resolveMessage(slow, { outcome: 'sent', reason: 'asked' })).status, 'sent');
});

onEach('many doubts are settled at once', async (t) => {
  const engine = await open(t, { channels: { sms: custom(() => outcome.unknown('lost')) } });
  const ids = [];
  for (const n of [1, 2, 3]) ids.push(await approved(engine, 'sms', { phone: `+99890123459${n}` }));
  await engine.runUntilIdle();
  assert.equal((await engine.decideBulk('resolve_sent', { ids: ids.slice(0, 1) }, { reason: 'asked' })).applied, 1);
  assert.equal((await engine.decideBulk('resolve_failed', { ids: ids.slice(1, 2) })).applied, 1);
  const which = { status: 'uncertain' };
  // Sending again, like approving, is for what was seen.
  await assert.rejects(engine.decideBulk('resolve_resend', which), { code: 'precondition_required' });
  const { count, manifest } = await engine.previewBulk('resolve_resend', which);
  assert.equal(count, 1);
  assert.equal((await engine.decideBulk('resolve_resend', which, { manifest })).applied, 1);
  const found = await Promise.all(ids.map(async (id) => (await engine.getMessage(id)).status));
  assert.deepEqual(found, ['sent', 'failed', 'approved']);
});

onEach('a plugin may call the engine', async (t) => {
  let engine;
  const seen = [];
  const channel = custom(async (message) => {
    seen.push((await engine.getMessage(message.message_id)).status);
    await engine.createContact({ name: 'From inside' });
    await assert.rejects(engine.runUntilIdle(), { code: 'not_allowed' });
    return outcome.accepted('x');
  }, { timeout_ms: 20_000 });
  engine = await open(t, { channels: { sms: channel } });
  const id = await approved(engine);
  await engine.runUntilIdle();
  assert.equal((await engine.getMessage(id)).status, 'sent');
  assert.deepEqual(seen, ['sending']);
});

onEach('a script that computes for a while does not stop the engine', async (t) => {
  const busy = custom(() => {
    const end = Date.now() + 300;
    while (Date.now() < end);
    return outcome.accepted('x');
  });
  assert.equal((await state(t, busy))[0], 'sent');
});

onEach('a failed draft falls back and says so', async (t) => {
  for (const [draft, code] of [
    [() => { throw new Error('secret'); }, 'plugin_raised'],
    [() => null, 'bad_answer'],
    [() => ({ content: 7 }), 'bad_answer'],
    [() => ({ content: 'x', input_tokens: -1 }), 'bad_answer'],
    [() => '\ud800', 'bad_answer'],
    [() => ' ', 'blank'],
    [() => 'Dear [name]!', 'placeholder'],
    [() => 'x'.repeat(100_000), 'too_long'],
    [() => ({ failure: 'refused' }), 'refused'],
    [async () => ({ failure: 'unavailable', reason: 'overloaded' }), 'overloaded'],
    [never, 'timeout'],
  ]) {
    const timeout_ms = draft === never ? 100 : 10_000;
    const engine = await open(t, { channels: { sms: new Sms() }, llm: { draft, timeout_ms } });
    const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
    const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'birthday', channel: 'sms' });
    assert.deepEqual([m.generated_by, m.metadata.error, m.metadata.fallback_used], ['manual', code, true]);
  }
  const engine = await open(t, { channels: { sms: new Sms() }, llm: { draft: () => 'Just the text for Ann.' } });
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
  const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'birthday', channel: 'sms' });
  assert.deepEqual([m.generated_by, m.content], ['AI', 'Just the text for Ann.']);
});
