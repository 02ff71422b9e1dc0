'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { outcome } = require('..');
const { CSV, Sms, Writer, approved, folder, onEach, open, until } = require('./kit');

const everybody = { and: [] };
const immediate = { type: 'immediate' };

onEach('contacts in, approved texts out, and the history proves it', async (t) => {
  const sms = new Sms();
  const engine = await open(t, { channels: { sms }, llm: new Writer() });
  const report = await engine.importContacts(CSV);
  assert.deepEqual([report.rows, report.created, report.skipped], [4, 3, 0]);
  assert.deepEqual(report.rejected.map((row) => row.line), [5]);
  assert.equal((await engine.importContacts(Buffer.from(CSV))).skipped, 3);

  const campaign = await engine.createCampaign({
    name: 'Yangi yil',
    occasion_type: 'new_year',
    audience: { segment: 'vip' },
    schedule: immediate,
    channel: 'sms',
  });
  await engine.executeCampaign(campaign.id);
  const work = await engine.runUntilIdle();
  assert.deepEqual([work.drafted, work.begun, sms.delivered.length], [2, 0, 0]);

  const { items } = await engine.listMessages({ status: 'pending_approval', campaign_id: campaign.id });
  assert.equal(items.length, 2);
  for (const message of items) {
    assert.equal(message.metadata.cost_usd, '0.000123456789');
    await engine.approveMessage(message.id, message);
  }
  assert.equal((await engine.runUntilIdle()).begun, 2);
  assert.deepEqual(sms.delivered.map((m) => m.recipient).sort(), ['+998901234501', '+998901234503']);
  assert.deepEqual(new Set(sms.delivered.map((m) => m.digest)), new Set(items.map((m) => m.digest)));
  assert.equal(sms.delivered[0].content, items[0].content);
  assert.equal((await engine.runUntilIdle()).begun, 0);
  assert.equal(sms.delivered.length, 2);

  for (const { id } of items) {
    assert.equal((await engine.getMessage(id)).status, 'sent');
    const actions = (await engine.messageHistory(id)).map((event) => event.action);
    assert.ok(actions.includes('approved') && actions.at(-1) === 'sent', actions.join());
  }
  assert.equal((await engine.campaignStats(campaign.id)).sent_count, 2);
  const audit = await engine.verifyAudit();
  assert.ok(audit.valid && audit.sealed > 10);
  assert.ok((await engine.verifyAudit(audit.checkpoint)).valid);
  const forged = { position: audit.sealed, hash: '0'.repeat(64) };
  assert.equal((await engine.verifyAudit(forged)).valid, false);
  assert.equal((await engine.dashboard()).sent, 2);
});

onEach('a file is imported as it is, or as it is said to be', async (t) => {
  const engine = await open(t);
  // "ФИО;E-mail", "Петрова Анна Ивановна" in Windows-1251.
  const file = Buffer.concat([
    Buffer.from([0xd4, 0xc8, 0xce]),
    Buffer.from(';E-mail\r\n'),
    Buffer.from([0xcf, 0xe5, 0xf2, 0xf0, 0xee, 0xe2, 0xe0, 0x20, 0xc0, 0xed, 0xed, 0xe0, 0x20]),
    Buffer.from([0xc8, 0xe2, 0xe0, 0xed, 0xee, 0xe2, 0xed, 0xe0]),
    Buffer.from(';anna@mail.example\r\n'),
  ]);
  const { detected, created } = await engine.importContacts(file);
  assert.deepEqual([detected.encoding, detected.separator, created], ['windows-1251', ';', 1]);
  await engine.importContacts('who|born\nEve|3/7/1985\n', {
    separator: '|',
    dates: 'month_first',
    mapping: { who: 'name', born: 'birthday' },
  });
  const { items } = await engine.listContacts();
  const people = items.map(({ name, birthday }) => [name, birthday]).sort();
  assert.deepEqual(people, [
    ['Eve', '1985-03-07'],
    ['Анна Ивановна Петрова', null],
  ]);
  // Looked at first, then again with people who are there by now, and taken back.
  const again = 'name,email,company\nАнна,anna@mail.example,Chinor\nZoya,zoya@mail.example,\n';
  const preview = await engine.previewImport(again, { duplicates: 'fill' });
  assert.deepEqual([preview.created, preview.updated, preview.samples[0].changed], [1, 1, ['company']]);
  const report = await engine.importContacts(again, { duplicates: 'fill', region: 'KZ' });
  assert.deepEqual([report.created, report.updated, report.detected.region], [1, 1, 'KZ']);
  const { removed, restored } = await engine.revertImport(report);
  assert.deepEqual([removed, restored], [1, 1]);
  await assert.rejects(engine.importContacts('name\nx\n', { encoding: 'klingon' }), { code: 'invalid' });
});

onEach('an approval binds what was seen', async (t) => {
  const sms = new Sms();
  const engine = await open(t, { channels: { sms }, llm: new Writer() });
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
  const seen = await engine.generateMessage({ contact_id: person.id, occasion_type: 'birthday', channel: 'sms' });
  const edited = await engine.editMessage(seen.id, { content: 'Another text for Ann.' });
  const conflict = { code: 'conflict', retryable: true };
  await assert.rejects(engine.approveMessage(seen.id, seen), conflict);
  await assert.rejects(engine.approveMessage(seen.id, { version: edited.version, digest: seen.digest }), conflict);
  await engine.approveMessage(seen.id, edited);
  assert.equal((await engine.editMessage(seen.id, { content: 'A third text.' })).status, 'pending_approval');
  await engine.runUntilIdle();
  assert.deepEqual(sms.delivered, []);
  assert.equal((await engine.rejectMessage(seen.id, { reason: 'ёлки' })).failure, 'ёлки');
});

onEach('a bulk decision covers exactly what was previewed', async (t) => {
  const sms = new Sms();
  const engine = await open(t, { channels: { sms }, llm: new Writer() });
  await engine.importContacts(CSV);
  const campaign = await engine.createCampaign({
    name: 'Yangi yil',
    occasion_type: 'new_year',
    audience: everybody,
    schedule: immediate,
    channel: 'sms',
  });
  await engine.executeCampaign(campaign.id);
  await engine.runUntilIdle();
  // Somebody's own draft, which no selection below is about.
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
  const other = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
  const which = { campaign_id: campaign.id, status: 'pending_approval' };
  const preview = await engine.previewBulk('approve', which);
  assert.deepEqual([preview.count, preview.sample.length], [3, 3]);
  await assert.rejects(engine.decideBulk('approve', which), { code: 'precondition_required' });
  const changed = preview.sample[0].id;
  await engine.editMessage(changed, { content: 'Another text, which nobody has seen.' });
  const done = await engine.decideBulk('approve', which, preview);
  assert.deepEqual([done.applied, done.skipped, done.failed], [2, 1, 0]);
  assert.deepEqual(done.items.map(({ id, outcome }) => [id, outcome]), [[changed, 'skipped']]);
  await engine.runUntilIdle();
  assert.equal(sms.delivered.length, 2);
  assert.equal((await engine.decideBulk('cancel', { ids: [changed] }, { reason: 'too late' })).applied, 1);
  assert.equal((await engine.previewBulk('cancel', { contact_id: person.id })).count, 1);
  assert.equal((await engine.getMessage(other.id)).status, 'pending_approval');
});

onEach('the worker runs until its signal aborts and then can run again', async (t) => {
  const sms = new Sms();
  const engine = await open(t, { channels: { sms } });
  const stop = new AbortController();
  const working = engine.runWorker({ signal: stop.signal });
  await assert.rejects(engine.runUntilIdle(), { code: 'not_allowed' });
  const id = await approved(engine);
  await until(async () => (await engine.getMessage(id)).status === 'sent');
  stop.abort();
  await working;
  await engine.runWorker({ signal: AbortSignal.abort() });
  const again = engine.runWorker();
  engine.stopWorker();
  await again;
  assert.equal(sms.delivered.length, 1);
});

onEach('campaigns pause, resume and are cancelled', async (t) => {
  const sms = new Sms();
  const engine = await open(t, { channels: { sms } });
  await engine.importContacts(CSV);
  const template = await engine.createTemplate({
    name: 'Hi',
    occasion_type: 'custom',
    language: 'en',
    content: 'Dear {{name}}, hello!',
  });
  const sample = { name: 'Ann Lee', phone: '+998901234599', language: 'en' };
  const preview = await engine.previewTemplate(template.id, { sample });
  assert.equal(preview.content, 'Dear Ann Lee, hello!');
  assert.deepEqual(preview.missing, []);
  assert.deepEqual(
    preview.channels.map((one) => [one.channel, one.reachable, one.characters, one.units.count]),
    [['sms', true, 20, 1]],
  );
  await assert.rejects(engine.previewTemplate(template.id, {}), { code: 'invalid' });
  const campaign = await engine.createCampaign({
    name: 'All',
    occasion_type: 'custom',
    audience: everybody,
    schedule: immediate,
    channel: 'sms',
    template_id: template.id,
  });
  await engine.executeCampaign(campaign.id);
  await engine.runUntilIdle();
  assert.equal((await engine.campaignPlan(campaign.id, { count: true })).total, 3);
  assert.deepEqual(await engine.campaignBatches(campaign.id), []);
  for (const message of (await engine.listMessages()).items) await engine.approveMessage(message.id, message);
  assert.equal((await engine.pauseCampaign(campaign.id)).status, 'paused');
  await engine.runUntilIdle();
  assert.equal((await engine.resumeCampaign(campaign.id)).status, 'active');
  assert.equal((await engine.cancelCampaign(campaign.id)).status, 'cancelled');
  await engine.runUntilIdle();
  assert.deepEqual(sms.delivered, []);
  const statuses = (await engine.listMessages()).items.map((message) => message.status);
  assert.deepEqual(new Set(statuses), new Set(['cancelled']));
});

onEach('the outbox gets a file for each message', async (t) => {
  const outbox = path.join(folder(t), 'outbox');
  const engine = await open(t, { outbox });
  const id = await approved(engine, 'email', { email: 'ann@mail.example' });
  await engine.runUntilIdle();
  assert.equal((await engine.getMessage(id)).status, 'sent');
  assert.equal(fs.readdirSync(outbox).length, 1);
});

onEach('fifty sends run at once', async (t) => {
  let together = 0;
  let most = 0;
  let open_ = () => {};
  const all = new Promise((resolve) => (open_ = resolve));
  const meeting = {
    capabilities: { address: 'phone', subject: false, concurrency: 50, timeout_ms: 20_000 },
    async send(message) {
      together += 1;
      most = Math.max(most, together);
      if (together === 50) open_();
      await all;
      together -= 1;
      return outcome.accepted(message.attempt_id);
    },
  };
  const engine = await open(t, { channels: { sms: meeting } });
  const rows = Array.from({ length: 50 }, (_, n) => `P${n},+9989012345${String(n).padStart(2, '0')}\n`);
  await engine.importContacts('name,phone\n' + rows.join(''));
  const campaign = await engine.createCampaign({
    name: 'x',
    occasion_type: 'custom',
    audience: everybody,
    schedule: immediate,
    channel: 'sms',
  });
  await engine.executeCampaign(campaign.id);
  await engine.runUntilIdle();
  const { items } = await engine.listMessages();
  await Promise.all(items.map((message) => engine.approveMessage(message.id, message)));
  assert.equal((await engine.runUntilIdle()).begun, 50);
  assert.equal((await engine.campaignStats(campaign.id)).sent_count, 50);
  assert.equal(most, 50);
});
