'use strict';

// Channels from settings: the built-in adapters, for hosts in JavaScript too.

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { Engine } = require('..');
const { Sms, approved, folder, onEach, open, place, until } = require('./kit');
const { provider } = require('./provider');

const KEY = Buffer.from('a key that both sides know');
const ACCOUNT = 'AC00000000000000000000000000000001';
const TAKEN = { ok: true, result: { message_id: 7, chat: { id: 1, type: 'private' } } };

/** A message to a new contact, after the worker. */
async function sent(engine, channel, contact = {}) {
  const id = await approved(engine, channel, contact);
  await engine.runUntilIdle();
  return engine.getMessage(id);
}

onEach('a bot delivers', async (t) => {
  const telegram = await provider(t, 200, TAKEN);
  const bot = { type: 'telegram', token: '123:a-key', silent: true, http: { base: telegram.base } };
  const engine = await open(t, { channels: { telegram: bot } });
  const message = await sent(engine, 'telegram', { telegram_chat_id: '77' });
  assert.equal(message.status, 'sent');
  // Named by its provider, as everywhere: a second one may come later.
  assert.match(message.provider_id, /^telegram:/);
  const [posted] = telegram.posted;
  assert.equal(posted.path, '/bot123:a-key/sendMessage');
  const said = JSON.parse(posted.body);
  assert.deepEqual([said.chat_id, said.text, said.disable_notification], [77, message.content, true]);
});

onEach('a webhook is signed', async (t) => {
  const till = await provider(t);
  const hook = {
    type: 'webhook',
    url: `${till.base}/hook`,
    secrets: [`whsec_${KEY.toString('base64')}`],
    address: 'phone',
    allowed: ['127.0.0.0/8'],
  };
  const engine = await open(t, { channels: { till: hook } });
  const message = await sent(engine, 'till');
  assert.equal(message.status, 'sent');
  const [{ headers, body }] = till.posted;
  const hmac = createHmac('sha256', KEY).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`);
  assert.equal(headers['webhook-signature'], `v1,${hmac.update(body).digest('base64')}`);
  assert.equal(JSON.parse(body).data.content, message.content);
});

onEach('the next provider takes over', async (t) => {
  const own = new Sms();
  // Says that the account is closed: nothing of it can go.
  const twilio = await provider(t, 401, { code: 20003, message: 'Authenticate', status: 401 });
  const first = {
    type: 'twilio', account_sid: ACCOUNT, auth_token: 't', from: '+14155552345', http: { base: twilio.base },
  };
  const sms = { providers: [first, own], rest: 600, rate: { units: 1_000, per: 1 } };
  const engine = await open(t, { channels: { sms } });
  // Provably not taken: it goes back to the queue, for half a minute or more.
  const { id, status, failure } = await sent(engine, 'sms');
  assert.deepEqual([status, failure], ['approved', 'twilio:twilio_20003']);
  assert.deepEqual((await engine.messageAttempts(id)).map(({ outcome }) => outcome), ['retry_after']);
  // Twilio rests, and the next message goes to the next provider at once.
  const second = await sent(engine, 'sms', { phone: '+998901234598' });
  assert.equal(second.status, 'sent');
  assert.equal(second.provider_id, `plugin:sms-${own.delivered[0].attempt_id}`);
  assert.deepEqual([twilio.posted.length, own.delivered.length], [1, 1]);
});

onEach('a rate holds back', async (t) => {
  const own = new Sms();
  // One may go at once, the next one in an hour.
  const engine = await open(t, { channels: { sms: { providers: [own], rate: { units: 1, per: 3_600 } } } });
  for (let number = 0; number < 5; number += 1) await approved(engine, 'sms', { phone: `+99890123459${number}` });
  const working = engine.runWorker();
  await until(() => own.delivered.length > 0);
  engine.stopWorker();
  await working;
  assert.equal(own.delivered.length, 1);
  assert.equal((await engine.listMessages({ status: 'approved' })).items.length, 4);
});

onEach('files and a relay in one line', async (t) => {
  const mails = path.join(folder(t), 'mails');
  const engine = await open(t, {
    channels: {
      email: { type: 'outbox', directory: mails },
      news: 'smtp://127.0.0.1:25?tls=none&from=a@b.example',
    },
  });
  const message = await sent(engine, 'email', { email: 'ann@mail.example' });
  assert.equal(message.status, 'sent');
  const [file] = fs.readdirSync(mails);
  assert.ok(fs.readFileSync(path.join(mails, file), 'utf8').includes(message.content));
});

onEach('wrong settings name their field and show no secret', async (t) => {
  const where = { ...place(t), actor: 'a', role: 'manager' };
  for (const [channel, field] of [
    [{ type: 'telegram', tokn: 'SECRET' }, 'channels.t.tokn'],
    [{ type: 'telegram', token: 5 }, 'channels.t.token'],
    [{ type: 'carrier_pigeon' }, 'channels.t.type'],
    [{}, 'channels.t'],
    [{ providers: [{ type: 'telegram' }] }, 'channels.t.providers[0].token'],
    [{ providers: [{}] }, 'channels.t.providers[0]'],
    [{ providers: [null] }, 'channels.t.providers[0]'],
    [{ providers: [{ type: 'plugin' }] }, 'channels.t.providers[0]'],
    [{ type: 'plugin' }, 'channels.t'],
    [{ type: 'outbox', rate: { units: 1 } }, 'channels.t.rate.per'],
  ]) {
    await assert.rejects(Engine.open({ ...where, channels: { t: channel } }), (error) => {
      assert.deepEqual([error.code, error.fields[0].field], ['invalid', field]);
      assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes('SECRET'));
      return true;
    });
  }
  await assert.rejects(Engine.open({ ...where, channels: { t: { type: 'telegram', token: 'SECRET' } } }), (error) => {
    assert.equal(error.code, 'configuration');
    assert.match(error.message, /^channels\.t: the Telegram token/);
    return !error.stack.includes('SECRET');
  });
});
