'use strict';

// Opening, closing, ending: an engine never hangs and never takes the process down.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Engine, outcome } = require('..');
const { Sms, approved, folder, open, until } = require('./kit');

/** Runs a script of its own and returns how it ended. */
function script(text, place, file = 'crm.db') {
  return new Promise((resolve) => {
    const name = path.join(place, 'script.js');
    fs.writeFileSync(name, text.replaceAll('crm-engine', path.dirname(require.resolve('..')).replaceAll('\\', '/')));
    const child = spawn(process.execPath, [name, file], { cwd: place, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
}

test('a closed engine says so and can be closed again', async (t) => {
  const file = path.join(folder(t), 'crm.db');
  const engine = await Engine.open({ path: file, actor: 'a', role: 'manager' });
  const other = engine.actAs('b', 'viewer');
  await Promise.all([engine.close(), engine.close()]);
  for (const call of [() => engine.dashboard(), () => other.dashboard(), () => engine.runUntilIdle(), () => engine.runWorker()]) {
    await assert.rejects(call, { code: 'closed' });
  }
  engine.stopWorker();
  const again = await Engine.open({ path: file, actor: 'a', role: 'manager' });
  await again.runUntilIdle();
  await again.close();
});

test('closing finishes what is under way', async (t) => {
  const file = path.join(folder(t), 'crm.db');
  let release;
  let entered = false;
  const slow = {
    capabilities: { address: 'phone', subject: false },
    async send() {
      entered = true;
      await new Promise((resolve) => (release = resolve));
      return outcome.accepted('x');
    },
  };
  const engine = await Engine.open({ path: file, actor: 'a', role: 'manager', channels: { sms: slow } });
  const id = await approved(engine);
  const working = engine.runWorker();
  await until(() => entered);
  const closing = engine.close();
  await until(() => engine.dashboard().then(() => false, (error) => error.code === 'closed'));
  release();
  await Promise.all([closing, working]);
  const again = await Engine.open({ path: file, actor: 'a', role: 'manager' });
  assert.equal((await again.getMessage(id)).status, 'sent');
  assert.ok((await again.verifyAudit()).valid);
  await again.close();
});

test('a script ends by itself, whether it closes or forgets to', async (t) => {
  for (const end of ['await engine.close();', '', 'engine.close();', 'process.exit(0);']) {
    const { code, out, err } = await script(
      `const { Engine, outcome } = require('crm-engine');
      (async () => {
        const sms = { capabilities: { address: 'phone', subject: false }, send: () => outcome.accepted('x') };
        const engine = await Engine.open({ path: process.argv[2], actor: 'a', role: 'manager', channels: { sms } });
        const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
        const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
        await engine.approveMessage(m.id, m);
        await engine.runUntilIdle();
        console.log((await engine.getMessage(m.id)).status);
        ${end}
      })();`,
      folder(t),
    );
    assert.deepEqual([out.trim(), code, err], ['sent', 0, '']);
  }
});

test('a running worker keeps the script alive until it is stopped', async (t) => {
  const { code, out, err } = await script(
    `const { Engine } = require('crm-engine');
    (async () => {
      const engine = await Engine.open({ path: process.argv[2], actor: 'a', role: 'manager' });
      setTimeout(() => engine.stopWorker(), 200);
      await engine.runWorker();
      console.log('stopped');
    })();`,
    folder(t),
  );
  assert.deepEqual([out.trim(), code, err], ['stopped', 0, '']);
});

test('a worker thread may be ended in the middle', async (t) => {
  const { code, out } = await script(
    `const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
    const { Engine } = require('crm-engine');
    if (isMainThread) {
      const worker = new Worker(__filename, { workerData: process.argv[2] });
      worker.on('message', async () => {
        await worker.terminate();
        const engine = await Engine.open({ path: 'other.db', actor: 'a', role: 'manager' });
        await engine.close();
        console.log('fine');
      });
    } else {
      (async () => {
        const hang = { capabilities: { address: 'phone', subject: false }, send: () => { parentPort.postMessage('in'); return new Promise(() => {}); } };
        const engine = await Engine.open({ path: workerData, actor: 'a', role: 'manager', channels: { sms: hang } });
        const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
        const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
        await engine.approveMessage(m.id, m);
        await engine.runWorker();
      })();
    }`,
    folder(t),
  );
  assert.deepEqual([out.trim(), code], ['fine', 0]);
});

test('many calls at once, and many engines', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  await Promise.all(Array.from({ length: 200 }, (_, n) => engine.createContact({ name: `P${n}` })));
  assert.equal((await engine.dashboard()).total_contacts, 200);
  const place = folder(t);
  for (let n = 0; n < 20; n += 1) {
    const other = await Engine.open({ path: path.join(place, `${n}.db`), actor: 'a', role: 'manager' });
    await other.close();
  }
});

test('the JavaScript of the README runs', async (t) => {
  const readme = fs.readFileSync(process.env.CRM_README, 'utf8');
  const section = readme.split('\n## From Node\n')[1].split('\n## ')[0];
  const blocks = [...section.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);
  assert.equal(blocks.length, 1);
  const place = folder(t);
  // As a package is found: by its name from node_modules.
  fs.mkdirSync(path.join(place, 'node_modules'));
  fs.symlinkSync(path.dirname(require.resolve('..')), path.join(place, 'node_modules', 'crm-engine'), 'junction');
  const name = path.join(place, 'readme.mjs');
  fs.writeFileSync(name, blocks[0]);
  const { code, out, err } = await new Promise((resolve) => {
    const child = spawn(process.execPath, [name], { cwd: place, timeout: 60_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('close', (code) => resolve({ code, out, err }));
  });
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /sent/);
});
