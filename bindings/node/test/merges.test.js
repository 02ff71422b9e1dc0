'use strict';

const assert = require('node:assert/strict');

const { onEach, open } = require('./kit');

onEach('two contacts become one', async (t) => {
  const engine = await open(t);
  const keep = await engine.createContact({ name: 'Anna', external_id: '1', email: 'a@mail.example' });
  const gone = await engine.createContact({ name: 'Anna P', external_id: '2', company: 'Chinor' });
  const options = { take: ['name'], version: 1, contact_version: 1 };
  const kept = await engine.mergeContacts(keep.id, gone.id, options);
  assert.deepEqual(
    [kept.id, kept.name, kept.company, kept.external_id, kept.merged_into],
    [keep.id, 'Anna P', 'Chinor', '1', null],
  );
  const left = await engine.getContact(gone.id);
  assert.deepEqual([left.merged_into, left.external_id, left.company], [keep.id, '2', null]);
  assert.deepEqual((await engine.listContacts({ external_id: '2' })).items, [kept]);
  assert.deepEqual((await engine.subjectAccess(keep.id)).merged, [left]);
  const [row] = await engine.upsertContacts([{ external_id: '2', position: 'Head' }]);
  assert.deepEqual([row.outcome, row.id], ['updated', keep.id]);
  await assert.rejects(engine.mergeContacts(keep.id, gone.id), (error) => {
    assert.equal(error.code, 'not_allowed');
    assert.ok(error.message.includes(keep.id));
    return true;
  });
  await assert.rejects(engine.mergeContacts(keep.id, keep.id), { code: 'invalid' });
});
