'use strict';

// What providers say after the call, links to unsubscribe, and what a channel may do besides sending.

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { test } = require('node:test');

const { Engine, outcome } = require('..');
const { Sms, approved, onEach, open, place, until } = require('./kit');
const { provider } = require('./provider');

const HOOK = 'https://crm.example/receipts/sms';
const TOKEN = "the account's token";
const SID = 'SM00000000000000000000000000000007';
const KEYS = ['an old key, at least 32 bytes long', 'a new key, at least 32 bytes long'];
const BASE = 'https://crm.example/u/';

/** As Twilio signs: the address, then each field by name. */
function signature(url, fields) {
  const text = url + Object.keys(fields).sort().map((name) => name + fields[name]).join('');
  return createHmac('sha1', TOKEN).update(text).digest('base64');
}

onEach('Twilio says that it arrived', async (t) => {
  const twilio = await provider(t, 201, { sid: SID, status: 'queued' });
  const sms = {
    type: 'twilio',
    account_sid: 'AC00000000000000000000000000000001',
    auth_token: TOKEN,
    from: '+14155552345',
    status_callback: HOOK,
    http: { base: twilio.base },
  };
  const engine = await open(t, { channels: { sms } });
  const id = await approved(engine);
  await engine.runUntilIdle();
  assert.equal((await engine.getMessage(id)).status, 'sent');

  // The address Twilio was told, with the attempt in it.
  const url = new URLSearchParams(twilio.posted[0].body.toString()).get('StatusCallback');
  const fields = { MessageSid: SID, MessageStatus: 'delivered', To: '+998901234599' };
  const body = new URLSearchParams(fields).toString();
  // As node:http has them: some are lists, some are not there.
  const headers = { 'x-twilio-signature': signature(url, fields), 'set-cookie': ['a', 'b'], host: undefined };
  for (const changed of [{ url: `${url}&x=1` }, { headers: {} }, { body: body.replace('delivered', 'failed') }]) {
    await assert.rejects(engine.receive('sms', { url, headers, body, ...changed }), { code: 'forbidden' });
  }
  assert.equal((await engine.getMessage(id)).status, 'sent');
  const received = { receipts: 1, opt_outs: 0, opt_ins: 0, inbound: 0 };
  for (const given of [headers, new Headers({ 'X-Twilio-Signature': headers['x-twilio-signature'] })]) {
    assert.deepEqual(await engine.receive('sms', { url, headers: given, body }), received);
  }
  assert.equal((await engine.getMessage(id)).status, 'delivered');
  const [attempt] = await engine.messageAttempts(id);
  assert.deepEqual([attempt.number, attempt.outcome, attempt.provider_id], [1, 'accepted', `twilio:${SID}`]);
  assert.deepEqual(attempt.receipts.map(({ fate, reason }) => [fate, reason]), [['delivered', null]]);
  await assert.rejects(engine.receive('sms', { url, headers: 7, body }), { code: 'invalid' });
  await assert.rejects(engine.receive('sms', { url, headers, body: 7 }), { code: 'invalid' });
  await assert.rejects(engine.receive('post', { url, headers, body }), { code: 'invalid' });
});

onEach('a bot is blocked and nothing more leaves', async (t) => {
  const telegram = await provider(t);
  const bot = { type: 'telegram', token: '123:a-key', webhook_secret: 'given', http: { base: telegram.base } };
  const engine = await open(t, { channels: { telegram: bot } });
  const id = await approved(engine, 'telegram', { telegram_chat_id: '77' });
  const body = JSON.stringify({
    my_chat_member: {
      chat: { id: 77, type: 'private' },
      old_chat_member: { status: 'member' },
      new_chat_member: { status: 'kicked' },
    },
  });
  const headers = [['X-Telegram-Bot-Api-Secret-Token', 'given']];
  await assert.rejects(engine.receive('telegram', { url: HOOK, headers: {}, body }), { code: 'forbidden' });
  assert.equal((await engine.receive('telegram', { url: HOOK, headers, body })).opt_outs, 1);
  await engine.runUntilIdle();
  assert.equal((await engine.getMessage(id)).status, 'cancelled');
  assert.equal(telegram.posted.length, 0);
});

onEach('what a host reads itself is heard', async (t) => {
  const engine = await open(t, {
    channels: {
      sms: new Sms(),
      email: 'smtp://127.0.0.1:25?tls=none&from=news@salon.example',
      whatsapp: { type: 'whatsapp', phone_number_id: '1', access_token: 't', app_secret: 's', verify_token: 'ours' },
    },
  });
  const id = await approved(engine);
  await engine.runUntilIdle();
  const [{ provider_id }] = await engine.messageAttempts(id);
  const said = await engine.hear('sms', [
    { news: 'receipt', provider_id, fate: 'read', at: new Date('2026-11-24T09:00:00Z') },
    { news: 'opt_out', address: '+998901234597', reason: 'complaint' },
  ]);
  assert.deepEqual(said, { receipts: 1, opt_outs: 1, opt_ins: 0, inbound: 0 });
  const [{ receipts: [receipt] }] = await engine.messageAttempts(id);
  assert.deepEqual([receipt.fate, receipt.at], ['read', '2026-11-24T09:00:00Z']);
  await assert.rejects(engine.hear('sms', [{ news: 'gossip' }]), { code: 'invalid' });
  await assert.rejects(engine.hear('post', []), { code: 'invalid' });

  const mail = 'From: ann@example.org\r\nSubject: Out of office\r\n\r\nBack on Monday.\r\n';
  assert.equal((await engine.hearBounce('email', mail)).receipts, 0);
  await assert.rejects(engine.hearBounce('email', ''), { code: 'invalid' });

  const asked = `${HOOK}?hub.mode=subscribe&hub.challenge=4711&hub.verify_token=`;
  assert.equal(await engine.challenge('whatsapp', { url: `${asked}ours` }), '4711');
  await assert.rejects(engine.challenge('whatsapp', { url: `${asked}theirs` }), { code: 'forbidden' });
});

onEach('a link takes a consent away', async (t) => {
  const where = { ...place(t), channels: { sms: new Sms() } };
  const first = await open(t, { ...where, unsubscribe_keys: KEYS.slice(0, 1), unsubscribe_url: BASE });
  const { contact_id } = await first.getMessage(await approved(first));
  const wish = { contact_id, channel: 'sms', topic: 'relationship' };
  const token = await first.unsubscribeToken(wish);
  assert.equal(await first.unsubscribeLink(wish), BASE + token);
  assert.deepEqual(await first.unsubscription(token), { workspace: 'default', ...wish });
  await assert.rejects(first.unsubscribe(`${token}00`), { code: 'invalid' });
  assert.deepEqual((await first.getContact(contact_id)).consent, []);
  await first.close();
  // The key was replaced; the old link still works.
  const engine = await open(t, { ...where, unsubscribe_keys: [...KEYS].reverse() });
  await engine.unsubscribe(token);
  const [consent] = (await engine.getContact(contact_id)).consent;
  assert.deepEqual([consent.channel, consent.status], ['sms', 'opted_out']);
  await engine.runUntilIdle();
  assert.equal(where.channels.sms.delivered.length, 0);
  await assert.rejects(engine.unsubscribeLink(wish), { code: 'unsupported' });
});

/** Takes a message and gives no answer; can be asked about it, and posts what came of it. */
class Gateway {
  capabilities = { address: 'phone', subject: false, rate: { units: 100, per_ms: 1_000 } };
  taken = [];
  asked = [];
  callbacks = [];
  counted = [];

  send(message) {
    this.taken.push(message);
    throw new Error('no answer');
  }

  async lookUp(doubt) {
    this.asked.push(doubt);
    return { found: 'taken', provider_id: `g-${doubt.attempt_id}` };
  }

  async read(callback) {
    this.callbacks.push(callback);
    if (new Map(callback.headers).get('x-secret') !== 'ours') return { refused: 'forbidden' };
    return [{ news: 'receipt', attempt_id: callback.body.toString(), fate: 'delivered' }];
  }

  units(subject, content) {
    this.counted.push([subject, content]);
    return 2;
  }
}

onEach('callbacks are read and units are counted by the plugin', async (t) => {
  const gateway = new Gateway();
  const engine = await open(t, { channels: { sms: gateway } });
  const id = await approved(engine);
  await engine.runUntilIdle();
  const { status, subject, content } = await engine.getMessage(id);
  assert.equal(status, 'uncertain');
  // When it is written, and when it leaves.
  assert.deepEqual(gateway.counted, [
    [subject, content],
    [subject, content],
  ]);
  const headers = { 'x-secret': 'ours' };
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  await assert.rejects(engine.receive('sms', { url: HOOK, headers: {}, body: every }), { code: 'forbidden' });
  assert.deepEqual([...gateway.callbacks[0].body], [...every]);
  const body = gateway.taken[0].attempt_id;
  assert.equal((await engine.receive('sms', { url: HOOK, headers, body })).receipts, 1);
  // A receipt settles a doubt.
  assert.equal((await engine.getMessage(id)).status, 'delivered');
});

onEach('what is no news is not kept, and what is no count delivers all the same', async (t) => {
  const where = place(t);
  let number = 0;
  for (const answer of [null, {}, 'news', [1], 10n, () => { throw new Error('secret'); }]) {
    const odd = () => (typeof answer === 'function' ? answer() : answer);
    const sms = {
      capabilities: { address: 'phone', subject: false, rate: { units: 100, per_ms: 1_000 } },
      send: () => outcome.accepted('x'),
      read: odd,
      units: odd,
    };
    const engine = await open(t, { ...where, channels: { sms } });
    await assert.rejects(engine.receive('sms', { url: HOOK, headers: {}, body: '' }), (error) => {
      assert.deepEqual([error.code, error.retryable], ['unavailable', true]);
      return !error.message.includes('secret');
    });
    number += 1;
    const id = await approved(engine, 'sms', { phone: `+9989012345${10 + number}` });
    await engine.runUntilIdle();
    assert.equal((await engine.getMessage(id)).status, 'sent');
    await engine.close();
  }
  const cannot = { capabilities: { look_up: true }, send: () => outcome.unknown('never') };
  await assert.rejects(open(t, { ...where, channels: { sms: cannot } }), { code: 'invalid' });
});

test('a doubt is looked up', async (t) => {
  const gateway = new Gateway();
  const options = { ...place(t, 'sqlite'), actor: 'a', role: 'manager', channels: { sms: gateway } };
  const engine = await Engine.open(options);
  t.after(() => engine.close());
  const id = await approved(engine);
  await engine.runUntilIdle();
  await until(async () => {
    // A provider is first asked ten seconds after the doubt.
    await engine.runUntilIdle();
    return (await engine.getMessage(id)).status === 'sent';
  }, 120_000);
  const [taken] = gateway.taken;
  assert.equal((await engine.getMessage(id)).provider_id, `g-${taken.attempt_id}`);
  assert.deepEqual(gateway.asked.map(({ attempt_id, content }) => [attempt_id, content]), [
    [taken.attempt_id, taken.content],
  ]);
});
