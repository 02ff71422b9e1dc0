'use strict';

// Audiences that are saved under names: written by managers, meant by lists and campaigns.

const assert = require('node:assert/strict');

const { Sms, onEach, open } = require('./kit.js');

onEach('a saved audience is written once and meant anywhere', async (t) => {
  const manager = await open(t, { role: 'manager', channels: { sms: new Sms() } });
  for (const [name, segment] of [['Anna', 'VIP'], ['Boris', 'VIP'], ['Vera', 'regular']])
    await manager.createContact({ name, segment });
  const saved = await manager.saveAudience({ name: 'Big clients', audience: 'segment = VIP' });
  assert.deepEqual([saved.version, saved.audience], [1, { segment: 'VIP' }]);
  assert.deepEqual(await manager.listAudiences(), [saved]);
  assert.deepEqual(await manager.getAudience(saved.id), saved);
  const again = { name: 'BIG clients', audience: { and: [] } };
  await assert.rejects(manager.saveAudience(again), { code: 'duplicate' });
  const nested = { name: 'a', audience: 'saved "Big clients"' };
  await assert.rejects(manager.saveAudience(nested), { code: 'invalid' });

  assert.equal((await manager.sampleAudience('saved "big clients"')).count, 2);
  const sample = await manager.sampleAudience({ not: { saved: saved.id } }, { limit: 1 });
  assert.deepEqual(sample.items.map((one) => one.name), ['Vera']);
  const listed = await manager.listContacts({ audience: { saved: 'Big Clients' } });
  assert.equal(listed.items.length, 2);
  const campaign = await manager.createCampaign({
    name: 'All',
    occasion_type: 'custom',
    audience: { saved: 'Big clients' },
    schedule: { type: 'immediate' },
    channel: 'sms',
  });
  assert.deepEqual(campaign.audience, { segment: 'VIP' });

  const wanted = { name: 'Big', audience: 'tag = big' };
  await assert.rejects(manager.updateAudience(saved.id, wanted, { version: 7 }), { code: 'conflict' });
  assert.equal((await manager.updateAudience(saved.id, wanted, { version: 1 })).version, 2);
  assert.deepEqual((await manager.getCampaign(campaign.id)).audience, { segment: 'VIP' });
  const viewer = manager.actAs('vera', 'viewer');
  assert.equal((await viewer.listAudiences()).length, 1);
  await assert.rejects(viewer.removeAudience(saved.id), { code: 'forbidden' });
  await manager.removeAudience(saved.id);
  await assert.rejects(manager.getAudience(saved.id), { code: 'not_found' });
});
