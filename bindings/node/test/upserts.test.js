'use strict';

const assert = require('node:assert/strict');

const { onEach, open } = require('./kit');

onEach('every row has its outcome', async (t) => {
  const engine = await open(t);
  const done = await engine.upsertContacts([
    { external_id: '7', name: 'Anna', company: 'Chinor', custom_fields: { level: 3 } },
    { external_id: '7', company: null, last_interaction_date: new Date() },
    { external_id: '8', name: 'Boris', email: 'none' },
    { name: 'Vera' },
  ]);
  assert.deepEqual(
    done.map((row) => row.outcome),
    ['created', 'updated', 'refused', 'refused'],
  );
  assert.deepEqual(done[1].changed, ['company', 'last_interaction_date']);
  assert.deepEqual([done[2].code, done[2].errors[0].field], ['invalid', 'email']);
  assert.equal(done[3].id, null);
  assert.equal(done[0].id, done[1].id);
  const row = { external_id: '7', name: 'Anna' };
  assert.equal((await engine.upsertContacts([row]))[0].outcome, 'unchanged');
  const [replaced] = await engine.upsertContacts([row], { mode: 'replace' });
  assert.deepEqual(replaced.changed, ['last_interaction_date', 'custom_fields.level']);
  assert.deepEqual(await engine.upsertContacts([]), []);
});

onEach('what is refused as a whole', async (t) => {
  const engine = await open(t);
  const field = (name) => (error) => {
    assert.deepEqual([error.code, error.fields[0].field], ['invalid', name]);
    return true;
  };
  await assert.rejects(engine.upsertContacts([], { mode: 'both' }), field('mode'));
  await assert.rejects(engine.upsertContacts({ external_id: '7' }), field('rows'));
  await assert.rejects(engine.actAs('vera', 'viewer').upsertContacts([]), { code: 'forbidden' });
});
