'use strict';

const assert = require('node:assert/strict');

const { ContactsExport } = require('..');
const { CSV, onEach, open } = require('./kit');

onEach('a file comes in parts and back by an import', async (t) => {
  const engine = await open(t);
  await engine.importContacts(CSV);
  const exported = engine.exportContacts({ excel: true, search: 'mail.example' });
  assert.ok(exported instanceof ContactsExport);
  assert.equal(exported.report.contacts, 0);
  const parts = [];
  for await (const part of exported) parts.push(part);
  const file = Buffer.concat(parts);
  assert.ok(file.toString().startsWith('\ufeffid;external_id;name;'));
  assert.deepEqual(exported.report, { contacts: 3, lossy_cells: 0, left_out: 0 });
  assert.equal((await exported.bytes()).length, 0);
  const other = engine.actAs('boris', 'manager', 'other');
  assert.equal((await other.importContacts(file)).created, 3);
});

onEach('what is wanted is said by name', async (t) => {
  const engine = await open(t);
  await engine.importContacts(CSV);
  const bytes = await engine.exportContacts({ format: 'json_lines', search: 'ann@' }).bytes();
  assert.equal(JSON.parse(bytes.toString()).name, 'Ann Lee');
  const lossy = engine.exportContacts({ encoding: 'windows-1251', line_end: 'lf', custom_fields: [] });
  assert.ok((await lossy.bytes()).includes(Buffer.from([0xc0, 0xed, 0xed, 0xe0])));
  assert.equal(lossy.report.lossy_cells, 1);
  await assert.rejects(engine.exportContacts({ encoding: 'klingon' }).bytes(), (error) => {
    assert.deepEqual([error.code, error.fields[0].field], ['invalid', 'encoding']);
    return true;
  });
  const viewer = engine.actAs('vera', 'viewer');
  await assert.rejects(viewer.exportContacts().bytes(), { code: 'forbidden' });
});

onEach('everything about one person', async (t) => {
  const engine = await open(t);
  await engine.importContacts(CSV);
  const ann = (await engine.listContacts({ search: 'ann@' })).items[0];
  const document = await engine.subjectAccess(ann.id);
  assert.equal(document.contact.name, 'Ann Lee');
  assert.equal(document.history[0].action, 'created');
  assert.ok(!JSON.stringify(document).includes('anna@'));
  await engine.actAs('olga', 'admin').eraseContact(ann.id);
  assert.ok(!JSON.stringify(await engine.subjectAccess(ann.id)).includes('Ann'));
});
