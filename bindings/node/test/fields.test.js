'use strict';

// Custom fields: what an admin says about them, and what that means for contacts, files and audiences.

const assert = require('node:assert/strict');

const { onEach, open } = require('./kit.js');

const refused = (...names) => (error) =>
  error.code === 'invalid' && assert.deepEqual(error.fields.map((one) => one.field), names) === undefined;

onEach('a field is defined and values are held to it', async (t) => {
  const admin = await open(t, { role: 'admin' });
  const old = await admin.createContact({ name: 'Old', custom_fields: { level: 'GOLD' } });
  assert.deepEqual(await admin.listFields(), []);
  const wanted = { type: 'choice', options: ['Gold', 'Серебро'] };
  const made = await admin.setField('level', wanted, { version: 0 });
  assert.deepEqual([made.version, made.label, made.options], [1, null, ['Gold', 'Серебро']]);
  await assert.rejects(admin.setField('level', wanted, { version: 0 }), { code: 'conflict' });
  await admin.setField('sum', { type: 'number', label: 'Сумма' });
  assert.deepEqual((await admin.listFields()).map((field) => field.name), ['level', 'sum']);
  assert.equal((await admin.getField('level')).unfitting, 1);

  const fine = { name: 'New', custom_fields: { level: 'серебро', sum: '12.50' } };
  const made2 = await admin.createContact(fine);
  assert.deepEqual(made2.custom_fields, { level: 'Серебро', sum: 12.5 });
  const odd = { name: 'Odd', custom_fields: { level: 'tin', sum: true } };
  await assert.rejects(admin.createContact(odd), refused('custom_fields.level', 'custom_fields.sum'));
  await assert.rejects(admin.listContacts({ audience: 'field.sum = "12.5"' }), refused('audience'));
  const found = await admin.listContacts({ audience: 'field.level = СЕРЕБРО' });
  assert.deepEqual(found.items.map((one) => one.id), [made2.id]);

  const file = 'name,level,sum\nAnna,gold,"1 234,5"\nBoris,tin,1\n';
  const preview = await admin.previewImport(file, { mapping: { sum: 'custom_fields.sum' } });
  assert.deepEqual(preview.samples[0].contact.custom_fields, { level: 'Gold', sum: 1234.5 });
  const told = preview.fields.map((one) => [one.field, one.type, one.refused, one.samples]);
  assert.deepEqual(told, [
    ['level', 'choice', 1, ['tin']],
    ['sum', 'number', 0, []],
  ]);

  const manager = admin.actAs('boris', 'manager');
  assert.equal((await manager.listFields()).length, 2);
  await assert.rejects(manager.setField('sum', { type: 'text' }), { code: 'forbidden' });
  await assert.rejects(manager.removeField('sum'), { code: 'forbidden' });
  await admin.removeField('level');
  await assert.rejects(admin.getField('level'), { code: 'not_found' });
  assert.deepEqual((await admin.getContact(old.id)).custom_fields, { level: 'GOLD' });
});
