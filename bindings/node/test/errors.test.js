'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const crm = require('..');
const { Sms, approved, folder, onEach, open } = require('./kit');

const UNKNOWN = '01a21082-116d-74ff-ab75-248a1043d834';
const { CrmError, Engine } = crm;

onEach('failures are CrmError with code, retryable and fields', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  await assert.rejects(engine.getMessage(UNKNOWN), (error) => {
    assert.ok(error instanceof CrmError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.retryable], ['CrmError', 'not_found', false]);
    return true;
  });
  await engine.createContact({ name: 'Ann', external_id: '7' });
  await assert.rejects(engine.createContact({ name: 'Bob', external_id: '7' }), { code: 'duplicate' });
  await assert.rejects(engine.createContact({ name: '' }), (error) => error.fields[0].field === 'name');
  await assert.rejects(engine.createContact({ name: 'x', email: 'SECRET at', birthday: 'SECRET' }), (error) => {
    assert.ok(!JSON.stringify([error.message, error.fields, error.stack]).includes('SECRET at'));
    return error.code === 'invalid';
  });
});

onEach('a viewer reads and nothing else', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  const id = await approved(engine);
  const viewer = engine.actAs('vera', 'viewer');
  const seen = await viewer.getMessage(id);
  assert.deepEqual(seen.allowed_actions, []);
  for (const attempt of [
    () => viewer.createContact({ name: 'x' }),
    () => viewer.importContacts('name\nx\n'),
    () => viewer.generateMessage({ contact_id: seen.contact_id, occasion_type: 'custom' }),
    () => viewer.editMessage(id, { content: 'Another text.' }),
    () => viewer.approveMessage(id, seen),
    () => viewer.rejectMessage(id),
    () => viewer.sendMessage(id),
    () => viewer.eraseContact(seen.contact_id),
  ]) {
    await assert.rejects(attempt, { code: 'forbidden' });
  }
  assert.equal((await viewer.getMessage(id)).version, seen.version);
  await assert.rejects(engine.actAs('eve', 'admin', 'other').getMessage(id), { code: 'not_found' });
  for (const role of ['system', 'root', '', null, 7, ['manager'], undefined]) {
    assert.throws(() => engine.actAs('x', role), { code: 'invalid' });
  }
});

onEach('approving without having seen is refused', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
  const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
  for (const seen of [undefined, {}, { version: m.version }, { digest: m.digest }, { version: null, digest: null }]) {
    await assert.rejects(engine.approveMessage(m.id, seen), { code: 'precondition_required' });
  }
  for (const seen of [null, 7, 'x', [], { version: m.version, digest: 'zz' }]) {
    await assert.rejects(engine.approveMessage(m.id, seen), { code: 'invalid' });
  }
  assert.equal((await engine.getMessage(m.id)).status, 'pending_approval');
});

onEach('junk is refused as an engine error', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  const circle = [];
  circle.push(circle);
  let deep = [];
  for (let n = 0; n < 100_000; n += 1) deep = [deep];
  const thrower = {
    toJSON() {
      throw new Error('no');
    },
  };
  const junk = [
    undefined, null, true, 7, -1, 2 ** 63, 1e300, 1.5, NaN, Infinity, 10n ** 30n, '', 'x', '\0', 'a\0b', '\ud800',
    '\udfff\ud800', 'ў'.repeat(100_000), Buffer.from('x'), {}, { id: 1 }, new Map([[1, 2]]), Symbol('x'), () => 1,
    new Date(NaN), circle, deep, thrower, new Proxy({}, { ownKeys() { throw new Error('trap'); } }),
  ];
  for (const value of junk) {
    for (const call of [
      () => engine.getContact(value),
      () => engine.getMessage(value),
      () => engine.messageHistory(value),
      () => engine.editMessage(value, { content: 'Long enough a text.' }),
      () => engine.editMessage(UNKNOWN, { version: value, content: 'Long enough a text.' }),
      () => engine.approveMessage(value, { version: value, digest: value }),
      () => engine.rejectMessage(UNKNOWN, { reason: value }),
      () => engine.resolveMessage(UNKNOWN, { outcome: value }),
      () => engine.createContact({ name: value, birthday: value }),
      () => engine.createContact({ name: 'Ann', no_such_field: [value] }),
      () => engine.updateContact(UNKNOWN, value),
      () => engine.createTemplate({ name: value, occasion_type: value, language: value, content: value }),
      () => engine.generateMessage({ contact_id: UNKNOWN, occasion_type: value }),
      () => engine.createCampaign({ name: 'x', occasion_type: 'custom', audience: value, schedule: value, channel: value }),
      () => engine.executeCampaign(UNKNOWN, { test_mode: value }),
      () => engine.listContacts({ limit: 0, search: value }),
      () => engine.listMessages({ limit: 1001, status: value }),
      () => engine.verifyAudit({ position: value, hash: value }),
      () => engine.campaignPlan(value),
    ]) {
      await assert.rejects(
        call,
        (error) => {
          assert.ok(error instanceof CrmError, `${String(call)}: ${error}`);
          return ['invalid', 'not_found', 'precondition_required'].includes(error.code);
        },
        String(call),
      );
    }
  }
  const { total_messages, total_contacts } = await engine.dashboard();
  assert.deepEqual([total_messages, total_contacts], [0, 0]);
});

onEach('a broken number or date is refused and not taken for null', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
  const at = new Date(Date.UTC(2030, 0, 1, 12));
  const draft = { contact_id: person.id, occasion_type: 'custom', channel: 'sms', content: 'Long enough a text.' };
  const message = await engine.createMessage({ ...draft, scheduled_for: at });
  assert.equal(new Date(message.scheduled_for).getTime(), at.getTime());
  for (const edit of [{ scheduled_for: new Date(NaN) }, { version: NaN, content: 'Another text.' }, { version: Infinity }]) {
    await assert.rejects(engine.editMessage(message.id, edit), { code: 'invalid' });
  }
  assert.equal((await engine.getMessage(message.id)).version, message.version);
  assert.equal((await engine.editMessage(message.id, { scheduled_for: null })).scheduled_for, null);
});

onEach('a file that is no CSV of contacts is refused', async (t) => {
  const engine = await open(t);
  for (const file of ['', '\0', '\ud800', Buffer.from([0xff, 0xfe]), Buffer.from('\x89PNG\0'), 'a,b\n1,2\n', null, 7, {}, [1]]) {
    await assert.rejects(engine.importContacts(file), { code: 'invalid' });
  }
});

test('bad options are refused and leave no file', async (t) => {
  const place = folder(t);
  for (const options of [
    { path: '' }, { path: 'a\0b' }, { path: '\ud800' }, { path: 7 }, { path: null }, { actor: '' }, { actor: 'a\nb' },
    { workspace: '../other' }, { outbox: 7 }, { smtp: 'http://nowhere' }, { smtp: 'smtp://user:SECRET@' },
    { anthropic_api_key: 'SECRET\n' }, { undo_window_s: -1 }, { undo_window_s: 2 ** 60 }, { separate_approver: 'yes' },
    { time_zone: 'Mars/Olympus' }, { channels: [] }, { channels: { sms: {} } }, { channels: { sms: null } },
    { channels: { 's m s': new Sms() } }, { channels: { llm: new Sms() } }, { llm: {} }, { llm: 'gpt' },
    { no_such_option: 1 }, { llm: { draft() {} }, anthropic_api_key: 'k' },
    ...[7, [], null, { address: 'pigeon' }, { timeout_ms: 0 }, { timeout_ms: 1e9 }, { concurrency: 0 }, { no_such: 1 }]
      .map((capabilities) => ({ channels: { sms: { capabilities, send() {} } } })),
  ]) {
    await assert.rejects(
      Engine.open({ path: path.join(place, 'new.db'), actor: 'a', role: 'manager', ...options }),
      (error) => {
        assert.ok(error instanceof CrmError, String(error));
        assert.ok(!error.message.includes('SECRET'));
        return ['invalid', 'configuration'].includes(error.code);
      },
      JSON.stringify(options),
    );
  }
  for (const nothing of [undefined, null, 7, 'crm.db', []]) {
    await assert.rejects(Engine.open(nothing), { code: 'invalid' });
  }
  assert.deepEqual(fs.readdirSync(place), []);
  const text = path.join(place, 'text.db');
  fs.writeFileSync(text, 'this is no database, but it is long enough to be looked at'.repeat(100));
  for (const file of [place, text, path.join(place, 'no', 'such', 'folder.db')]) {
    await assert.rejects(Engine.open({ path: file, actor: 'a', role: 'manager' }), (error) => error instanceof CrmError && error.code !== 'internal');
  }
  assert.throws(() => new Engine({}), { code: 'invalid' });
});
