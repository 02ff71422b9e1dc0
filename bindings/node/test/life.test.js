'use strict';

// Opening, closing, ending: an engine never hangs and never takes the process down.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Engine, outcome } = require('..');
const { Sms, approved, folder, onEach, open, place, until } = require('./kit');

/** Runs a script of its own and returns how it ended. */
function script(t, text) {
  return new Promise((resolve) => {
    const where = folder(t);
    const name = path.join(where, 'script.js');
    fs.writeFileSync(name, text.replaceAll('crm-engine', path.dirname(require.resolve('..')).replaceAll('\\', '/')));
    const child = spawn(process.execPath, [name, JSON.stringify(place(t))], { cwd: where, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
}

onEach('a closed engine says so and can be closed again', async (t) => {
  const where = place(t);
  const engine = await Engine.open({ ...where, actor: 'a', role: 'manager' });
  const other = engine.actAs('b', 'viewer');
  await Promise.all([engine.close(), engine.close()]);
  for (const call of [() => engine.dashboard(), () => other.dashboard(), () => engine.runUntilIdle(), () => engine.runWorker()]) {
    await assert.rejects(call, { code: 'closed' });
  }
  engine.stopWorker();
  const again = await Engine.open({ ...where, actor: 'a', role: 'manager' });
  await again.runUntilIdle();
  await again.close();
});

onEach('closing finishes what is under way', async (t) => {
  const where = place(t);
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
  const engine = await Engine.open({ ...where, actor: 'a', role: 'manager', channels: { sms: slow } });
  const id = await approved(engine);
  const working = engine.runWorker();
  await until(() => entered);
  const closing = engine.close();
  await until(() => engine.dashboard().then(() => false, (error) => error.code === 'closed'));
  release();
  await Promise.all([closing, working]);
  const again = await Engine.open({ ...where, actor: 'a', role: 'manager' });
  assert.equal((await again.getMessage(id)).status, 'sent');
  assert.ok((await again.verifyAudit()).valid);
  await again.close();
});

onEach('a script ends by itself, whether it closes or forgets to', async (t) => {
  for (const end of ['await engine.close();', '', 'engine.close();', 'process.exit(0);']) {
    const { code, out, err } = await script(
      t,
      `const { Engine, outcome } = require('crm-engine');
      (async () => {
        const sms = { capabilities: { address: 'phone', subject: false }, send: () => outcome.accepted('x') };
        const engine = await Engine.open({ ...JSON.parse(process.argv[2]), actor: 'a', role: 'manager', channels: { sms } });
        const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
        const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
        await engine.approveMessage(m.id, m);
        await engine.runUntilIdle();
        console.log((await engine.getMessage(m.id)).status);
        ${end}
      })();`,
    );
    assert.deepEqual([out.trim(), code, err], ['sent', 0, '']);
  }
});

onEach('a running worker keeps the script alive until it is stopped', async (t) => {
  const { code, out, err } = await script(
    t,
    `const { Engine } = require('crm-engine');
    (async () => {
      const engine = await Engine.open({ ...JSON.parse(process.argv[2]), actor: 'a', role: 'manager' });
      setTimeout(() => engine.stopWorker(), 200);
      await engine.runWorker();
      console.log('stopped');
    })();`,
  );
  assert.deepEqual([out.trim(), code, err], ['stopped', 0, '']);
});

onEach('a worker thread may be ended in the middle', async (t) => {
  const { code, out } = await script(
    t,
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
        const engine = await Engine.open({ ...JSON.parse(workerData), actor: 'a', role: 'manager', channels: { sms: hang } });
        const person = await engine.createContact({ name: 'Ann', phone: '+998901234599' });
        const m = await engine.generateMessage({ contact_id: person.id, occasion_type: 'custom', channel: 'sms' });
        await engine.approveMessage(m.id, m);
        await engine.runWorker();
      })();
    }`,
  );
  assert.deepEqual([out.trim(), code], ['fine', 0]);
});

onEach('many calls at once, and many engines', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() } });
  await Promise.all(Array.from({ length: 200 }, (_, n) => engine.createContact({ name: `P${n}` })));
  assert.equal((await engine.dashboard()).total_contacts, 200);
  const where = place(t);
  for (let n = 0; n < 20; n += 1) {
    const other = await Engine.open({ ...where, actor: 'a', role: 'manager' });
    await other.close();
  }
});

test('the JavaScript of the README runs', async (t) => {
  const readme = fs.readFileSync(process.env.CRM_README, 'utf8');
  const section = readme.split('\n## From Node\n')[1].split('\n## ')[0];
  const blocks = [...section.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);
  assert.equal(blocks.length, 2);
  const where = folder(t);
  // As a package is found: by its name from node_modules.
  fs.mkdirSync(path.join(where, 'node_modules'));
  fs.symlinkSync(path.dirname(require.resolve('..')), path.join(where, 'node_modules', 'crm-engine'), 'junction');
  const name = path.join(where, 'readme.mjs');
  const printed = [];
  // One after the other on one file: the second one is told of what the first one did.
  for (const block of blocks) {
    fs.writeFileSync(name, block);
    const { code, out, err } = await new Promise((resolve) => {
      const child = spawn(process.execPath, [name], { cwd: where, timeout: 60_000 });
      let out = '';
      let err = '';
      child.stdout.on('data', (data) => (out += data));
      child.stderr.on('data', (data) => (err += data));
      child.on('close', (code) => resolve({ code, out, err }));
    });
    assert.deepEqual([code, err], [0, '']);
    printed.push(out);
  }
  assert.match(printed[0], /sent true/);
  const lines = printed[1].trim().split('\n').map((line) => line.split(' ').slice(1).join('.'));
  const actions = ['created', 'approved', 'claimed', 'begun', 'sent'];
  assert.deepEqual(lines, actions.map((action) => `message.${action}`));
});
