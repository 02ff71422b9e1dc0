'use strict';

// Engines on SQLite and on PostgreSQL, and plugins as a host would write them.
//
// DATABASE_URL names a PostgreSQL server whose password is in the address. Each engine has a schema of its own
// there, which stays: `cargo xtask test` starts a server that is gone afterwards.

const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Engine, outcome } = require('..');

const CSV =
  'name,phone,email,segment,language,birthday\n' +
  'Анна Ким,+998901234501,anna@mail.example,vip,ru,1990-02-28\n' +
  'Oʻtkir Gʻaniyev,+998901234502,otkir@mail.example,regular,uz,\n' +
  'Ann Lee,+998901234503,ann@mail.example,vip,en,--11-24\n' +
  'Nobody,not-a-phone,bad@@mail,vip,en,1990-31-31\n';

/** A channel that remembers what it delivered. */
class Sms {
  capabilities = { address: 'phone', subject: false, concurrency: 50 };
  delivered = [];

  async send(message) {
    await null;
    this.delivered.push(message);
    return outcome.accepted(`sms-${message.attempt_id}`);
  }
}

/** A model that writes one line. */
class Writer {
  requests = [];

  draft(request) {
    this.requests.push(request);
    return {
      content: 'Tugʻilgan kuningiz bilan! 🎂 С праздником!',
      model: 'writer-1',
      input_tokens: 30,
      output_tokens: 12,
      cost_picodollars: 123456789,
    };
  }
}

function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'crm-node-'));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

/** On which database a running test is. */
const databases = new WeakMap();

/** A test on each database. */
function onEach(name, body) {
  for (const database of ['sqlite', 'postgres']) {
    test(`${name} (${database})`, async (t) => {
      databases.set(t, database);
      await body(t);
    });
  }
}

/** The address of the PostgreSQL server for tests. */
function databaseUrl() {
  if (!process.env.DATABASE_URL) throw new Error('DATABASE_URL names no PostgreSQL server');
  return process.env.DATABASE_URL;
}

/** An empty database, as options of open. */
function place(t, database = databases.get(t)) {
  if (database === 'sqlite') return { path: path.join(folder(t), 'crm.db') };
  if (database !== 'postgres') throw new Error('the test is on no database: use onEach');
  return { path: databaseUrl(), schema: `crm_test_${randomUUID().replaceAll('-', '')}`, connections: 4 };
}

async function open(t, options = {}) {
  const engine = await Engine.open({ ...place(t), actor: 'anna', role: 'manager', ...options });
  t.after(() => engine.close());
  return engine;
}

/** An approved message to a new contact. */
async function approved(engine, channel = 'sms', contact = {}) {
  const person = await engine.createContact({ name: 'Ann', phone: '+998901234599', ...contact });
  const message = await engine.generateMessage({ contact_id: person.id, occasion_type: 'birthday', channel });
  await engine.approveMessage(message.id, message);
  return message.id;
}

/** Polls until something holds; fails after a generous bound. */
async function until(holds, ms = 20_000) {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await sleep(5);
  }
}

module.exports = { CSV, Sms, Writer, approved, databaseUrl, folder, onEach, open, place, until };
