'use strict';

// What is different on PostgreSQL: the address, and many engines on one database.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { CrmError, Engine } = require('..');
const { Sms, approved, databaseUrl, folder, place } = require('./kit');

/** The server's address with other parts. */
function address(parts) {
  return Object.assign(new URL(databaseUrl()), parts).href;
}

test('a server that does not let us in is said without the password', async () => {
  const { password } = new URL(databaseUrl());
  for (const [parts, code] of [
    [{ password: 'SECRET' }, 'configuration'],
    [{ username: 'nobody', password: 'SECRET' }, 'configuration'],
    [{ pathname: '/no_such_database' }, 'configuration'],
    [{ port: '1', password: 'SECRET' }, 'unavailable'],
    [{ hostname: 'no-such-host.invalid', password: 'SECRET' }, 'unavailable'],
  ]) {
    await assert.rejects(Engine.open({ path: address(parts), actor: 'a', role: 'manager' }), (error) => {
      assert.ok(error instanceof CrmError, String(error));
      assert.ok(!error.message.includes('SECRET') && !error.message.includes(password), error.message);
      assert.deepEqual([error.code, error.retryable], [code, code === 'unavailable'], error.message);
      return true;
    });
  }
});

test('bad addresses and options are refused', async (t) => {
  const where = folder(t);
  const file = path.join(where, 'crm.db');
  for (const options of [
    { path: 'postgres://user:SECRET@:notaport/x' }, { path: 'postgres://user:SECRET@[::1/x' },
    { path: 'mysql://user:SECRET@host/x' }, { path: 'SECRET://' }, { schema: '' }, { schema: 'SECRET' },
    { schema: 'a b' }, { schema: 7 }, { connections: 0 }, { connections: 1_001 }, { connections: -1 },
    { connections: '4' }, { path: file, schema: 'crm' }, { path: file, connections: 4 },
  ]) {
    await assert.rejects(
      Engine.open({ path: databaseUrl(), actor: 'a', role: 'manager', ...options }),
      (error) => {
        assert.ok(error instanceof CrmError, String(error));
        assert.ok(!error.message.includes('SECRET'), error.message);
        return ['invalid', 'configuration'].includes(error.code);
      },
      JSON.stringify(options),
    );
  }
  assert.deepEqual(fs.readdirSync(where), []);
});

test('engines share a database', async (t) => {
  const where = place(t, 'postgres');
  const sms = new Sms();
  const [one, two] = await Promise.all(
    ['anna', 'bob'].map((actor) => Engine.open({ ...where, actor, role: 'manager', channels: { sms } })),
  );
  const id = await approved(one);
  assert.equal((await two.getMessage(id)).approved_by, 'anna');
  const work = await two.runUntilIdle();
  assert.deepEqual([work.begun, work.drained], [1, 0]);
  assert.equal((await one.getMessage(id)).status, 'sent');
  assert.equal((await one.runUntilIdle()).begun, 0);
  assert.equal(sms.delivered.length, 1);
  await Promise.all([one.close(), two.close()]);
});
