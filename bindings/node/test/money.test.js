'use strict';

// Budgets, usage, the voice, texts to choose from and decisions about many, as the declarations say.

const assert = require('node:assert/strict');

const { Sms, Writer, onEach, open } = require('./kit.js');

/** A model that says what a draft can cost. */
class Priced extends Writer {
  worst_cost_usd = '0.01';
}

const person = { name: 'Ann', phone: '+998901234599', language: 'en' };
const refused = (field) => (error) => error.code === 'invalid' && error.fields[0].field === field;

onEach('an admin limits what drafts cost and sees what they did', async (t) => {
  const admin = await open(t, { role: 'admin', channels: { sms: new Sms() }, llm: new Priced() });
  const { id } = await admin.createContact(person);
  const wanted = { contact_id: id, occasion_type: 'birthday', channel: 'sms' };
  await admin.generateMessage(wanted);
  const set = await admin.setBudget('day', '0.01', { version: 0 });
  assert.deepEqual(set, {
    campaign_id: null,
    period: 'day',
    limit_usd: '0.01',
    spent_usd: '0.000123456789',
    reserved_usd: '0.00',
    left_usd: '0.009876543211',
    version: 1,
  });
  assert.equal((await admin.generateMessage(wanted)).metadata.error, 'over_budget');
  await assert.rejects(admin.setBudget('day', '1', { version: 0 }), { code: 'conflict' });
  await assert.rejects(admin.setBudget('day', '10000000'), refused('limit_usd'));
  const [sum] = await admin.usage({ group: 'model' });
  assert.deepEqual([sum.name, sum.calls, sum.cost_usd], ['writer-1', 1, '0.000123456789']);
  const days = { from_day: '2026-02-02', to_day: '2026-02-01' };
  await assert.rejects(admin.usage(days), refused('from_day'));
  await assert.rejects(admin.usageCalls(days), refused('from_day'));
  const calls = await admin.usageCalls({ count: true });
  assert.deepEqual([calls.total, calls.items[0].state], [1, 'settled']);
  const manager = admin.actAs('boris', 'manager');
  await assert.rejects(manager.setBudget('day', '1'), { code: 'forbidden' });
  await assert.rejects(manager.removeBudget('day'), { code: 'forbidden' });
  assert.deepEqual(await manager.listBudgets(), [set]);
  await admin.removeBudget('day');
  assert.deepEqual(await admin.listBudgets(), []);
});

onEach('a campaign has a budget of its own and says what it costs', async (t) => {
  const admin = await open(t, { role: 'admin', channels: { sms: new Sms() }, llm: new Priced() });
  await admin.createContact(person);
  const campaign = await admin.createCampaign({
    name: 'All',
    occasion_type: 'custom',
    audience: { and: [] },
    schedule: { type: 'immediate' },
    channel: 'sms',
  });
  const own = { campaign_id: campaign.id };
  assert.equal((await admin.setBudget('total', '2', own)).campaign_id, campaign.id);
  const cost = await admin.campaignCost(campaign.id);
  assert.deepEqual([cost.to_draft, cost.basis, cost.at_most_usd], [1, 'bound', '0.01']);
  await assert.rejects(admin.removeBudget('total'), { code: 'not_found' });
  await admin.removeBudget('total', own);
});

onEach('findings hold a message, and an empty list of ids is nobody', async (t) => {
  const guardrails = { banned_terms: ['lottery'] };
  const admin = await open(t, { role: 'admin', channels: { sms: new Sms() }, llm: new Priced(), guardrails });
  const { id } = await admin.createContact(person);
  const content = 'Ann, win the lottery with us today!';
  const draft = { contact_id: id, occasion_type: 'custom', channel: 'sms', content };
  const message = await admin.createMessage(draft);
  assert.deepEqual(message.findings[0].span, { start: 13, end: 20 });
  const preview = await admin.previewBulk('approve', { severity: 'blocking' });
  assert.deepEqual([preview.count, preview.blocked], [1, 1]);
  await assert.rejects(admin.approveMessage(message.id, message), { code: 'not_allowed' });
  const nobody = { ids: [] };
  await assert.rejects(admin.previewBulk('cancel', nobody), refused('which.ids'));
  await assert.rejects(admin.decideBulk('cancel', nobody), refused('which.ids'));
  assert.equal((await admin.getMessage(message.id)).status, 'draft');
  const wanted = { contact_id: id, occasion_type: 'birthday', channel: 'sms' };
  assert.equal((await admin.generateVariants(2, wanted)).length, 1);
  const voice = await admin.setVoice({ about: 'A salon.' }, { version: 0 });
  assert.deepEqual(await admin.getVoice(), voice);
});
