'use strict';

// Who is told of state changes: subscribers miss nothing, whatever they do, and observers hear at once.

const assert = require('node:assert/strict');

const { Engine, told } = require('..');
const { Sms, approved, onEach, open, place, until } = require('./kit');

const never = () => new Promise(() => {});

/** Keeps what it was told, call by call; `answers` are for the first calls. */
class Crm {
  capabilities = { batch: 3, timeout_ms: 20_000 };
  calls = [];

  constructor(answers = [], actions = []) {
    this.answers = answers;
    this.actions = actions;
  }

  deliver(changes, call) {
    this.calls.push(changes);
    const answer = this.answers.shift();
    return answer ? answer(call) : told.taken();
  }

  get changes() {
    return this.calls.flat();
  }

  get positions() {
    return this.changes.map((change) => change.position);
  }
}

/** The same, as a promise. */
class AsyncCrm extends Crm {
  async deliver(changes, call) {
    await null;
    return super.deliver(changes, call);
  }
}

const upTo = (end) => Array.from({ length: end }, (_, n) => n + 1);

const admin = (crm) => ({ role: 'admin', channels: { sms: new Sms() }, subscribers: { crm } });

/** The only subscription there is. */
async function theOne(engine) {
  const found = await engine.listSubscriptions();
  assert.equal(found.length, 1);
  return found[0];
}

onEach('every event comes once, in order, over restarts', async (t) => {
  for (const crm of [new Crm(), new AsyncCrm()]) {
    const where = place(t);
    let history;
    let id;
    for (let life = 0; life < 3; life += 1) {
      const engine = await open(t, { ...where, ...admin(crm) });
      // At each start: what was begun stays where it is.
      await engine.subscribe('crm', { start: 'beginning' });
      id = await approved(engine, 'sms', { phone: `+99890123459${life}` });
      assert.ok((await engine.runUntilIdle()).told > 0);
      const { sealed } = await engine.verifyAudit();
      assert.deepEqual(crm.positions, upTo(sealed));
      const { name, state, position, lag, set_up } = await theOne(engine);
      assert.deepEqual([name, state, position, lag, set_up], ['crm', 'active', sealed, 0, true]);
      history = await engine.messageHistory(id);
      await engine.close();
    }
    assert.equal(new Set(crm.changes.map((change) => change.id)).size, crm.changes.length);
    assert.ok(crm.calls.every((changes) => changes.length <= 3));
    const short = ({ id, position, at, action, status, actor }) => ({ id, position, at, action, status, actor });
    assert.deepEqual(crm.changes.filter((change) => change.subject_id === id).map(short), history.map(short));
    // Nothing that a person wrote, and nobody's address.
    assert.doesNotMatch(JSON.stringify(crm.changes), /\+9989|Ann/);
  }
});

onEach('it is told while the worker works', async (t) => {
  const crm = new AsyncCrm();
  const engine = await open(t, admin(crm));
  await engine.subscribe('crm');
  const working = engine.runWorker();
  for (let n = 0; n < 20; n += 1) await engine.createContact({ name: `P${n}` });
  const contacts = () => crm.changes.filter((change) => change.subject === 'contact').length;
  await until(() => contacts() >= 20, 60_000);
  engine.stopWorker();
  await working;
  assert.equal(contacts(), 20);
  assert.deepEqual(crm.positions, upTo(crm.changes.length));
  assert.equal((await theOne(engine)).position, crm.changes.length);
});

onEach('what is not taken is told again', async (t) => {
  const bad = [
    [() => { throw new Error('secret'); }, 'plugin_raised'],
    [() => { throw undefined; }, 'plugin_raised'],
    [() => Promise.reject(null), 'plugin_raised'],
    [() => Symbol('x'), 'plugin_raised'],
    [() => ({ get told() { throw new Error('trap'); } }), 'plugin_raised'],
    [() => undefined, 'bad_answer'],
    [() => true, 'bad_answer'],
    [() => 'taken', 'bad_answer'],
    [() => ({ told: 'yes' }), 'bad_answer'],
    [() => ({ told: 'taken', reason: 'x' }), 'bad_answer'],
    [() => told.later('busy'), 'busy'],
    [() => told.later('Ann is away'), 'reason_is_no_code'],
  ];
  const where = place(t);
  for (const [answer, code] of bad) {
    for (const Kind of [Crm, AsyncCrm]) {
      const crm = new Kind([], ['contact.*']);
      const engine = await open(t, { ...where, ...admin(crm) });
      await engine.subscribe('crm');
      await engine.runUntilIdle();
      crm.answers.push(answer);
      crm.calls.length = 0;
      const first = (await engine.createContact({ name: 'Ann' })).id;
      await engine.runUntilIdle();
      const { state, last_error } = await theOne(engine);
      assert.deepEqual([state, last_error], ['failing', code], String(answer));
      const second = (await engine.createContact({ name: 'Bob' })).id;
      await engine.enableSubscription('crm');
      await engine.runUntilIdle();
      const rows = crm.calls.map((changes) => changes.map((change) => change.subject_id));
      assert.deepEqual(rows, [[first], [first, second]]);
      assert.deepEqual(crm.calls[0][0], crm.calls[1][0]);
      assert.equal((await theOne(engine)).state, 'active');
      await engine.close();
    }
  }
});

onEach('it is told again by itself', async (t) => {
  const crm = new Crm([() => { throw new Error('away'); }, () => told.later('busy', 1_000)]);
  const engine = await open(t, admin(crm));
  await engine.subscribe('crm');
  const working = engine.runWorker();
  await engine.createContact({ name: 'Ann' });
  // In five seconds, and again in one.
  await until(() => crm.calls.length >= 3, 120_000);
  await until(async () => (await theOne(engine)).state === 'active');
  engine.stopWorker();
  await working;
  assert.deepEqual(crm.calls[0][0], crm.calls[1][0]);
  assert.deepEqual(crm.calls[0][0], crm.calls[2][0]);
});

onEach('it may say when, and that it wants no more', async (t) => {
  const crm = new Crm([() => told.later('night', 3_600_000), () => told.closed('moved')]);
  const engine = await open(t, admin(crm));
  await engine.subscribe('crm');
  await engine.runUntilIdle();
  const { due_at, created_at } = await theOne(engine);
  assert.ok(Date.parse(due_at) - Date.parse(created_at) >= 3_600_000);
  await engine.enableSubscription('crm');
  await engine.runUntilIdle();
  const { state, last_error, disabled_at } = await theOne(engine);
  assert.deepEqual([state, last_error], ['disabled', 'moved']);
  assert.ok(disabled_at);
  await engine.createContact({ name: 'Ann' });
  await engine.runUntilIdle();
  assert.equal(crm.calls.length, 2);
  await engine.enableSubscription('crm');
  await engine.runUntilIdle();
  const taken = crm.calls.slice(2).flat().map((change) => change.position);
  assert.deepEqual(taken, upTo((await engine.verifyAudit()).sealed));
});

onEach('one that hangs fails, and its signal aborts', async (t) => {
  let signal;
  const crm = new Crm([(call) => { signal = call.signal; return never(); }]);
  crm.capabilities.timeout_ms = 200;
  const engine = await open(t, admin(crm));
  await engine.subscribe('crm');
  await engine.runUntilIdle();
  assert.equal((await theOne(engine)).last_error, 'timeout');
  await until(() => signal.aborted);
});

onEach('a subscriber may call the engine, and is told of what it asked for alone', async (t) => {
  let engine;
  const seen = [];
  const crm = new Crm([], ['message.sent', 'contact.*']);
  const deliver = async (changes) => {
    for (const { subject, subject_id } of changes) {
      if (subject === 'message') seen.push((await engine.getMessage(subject_id)).status);
    }
    return crm.deliver(changes);
  };
  engine = await open(t, admin({ actions: crm.actions, deliver }));
  await engine.subscribe('crm');
  await approved(engine);
  await engine.runUntilIdle();
  assert.deepEqual(seen, ['sent']);
  const kinds = crm.changes.map(({ subject, action }) => `${subject}.${action}`);
  assert.deepEqual(kinds, ['contact.created', 'message.sent']);
  assert.equal((await theOne(engine)).lag, 0);
});

onEach('only admins look, and a name without a subscriber waits', async (t) => {
  const engine = await open(t, { role: 'admin' });
  await engine.subscribe('crm');
  await engine.createContact({ name: 'Ann' });
  assert.equal((await engine.runUntilIdle()).told, 0);
  const { set_up, lag } = await theOne(engine);
  assert.ok(!set_up && lag > 0);
  const manager = engine.actAs('m', 'manager');
  await assert.rejects(manager.listSubscriptions(), { code: 'forbidden' });
  await assert.rejects(manager.enableSubscription('crm'), { code: 'forbidden' });
  await assert.rejects(engine.enableSubscription('crn'), { code: 'not_found' });
  await assert.rejects(engine.subscribe('C R M'), { code: 'invalid' });
  await assert.rejects(engine.subscribe('crm', { start: 'soon' }), { code: 'invalid' });
  assert.deepEqual(await engine.actAs('b', 'admin', 'other').listSubscriptions(), []);
});

onEach('what cannot be is refused and names its field', async (t) => {
  const where = { ...place(t), actor: 'a', role: 'admin' };
  const deliver = () => told.taken();
  for (const [options, field, words] of [
    [{ subscribers: [{ deliver }] }, 'subscribers', /object of named values/],
    [{ subscribers: { 'C R M': { deliver } } }, 'subscribers', /lower-case/],
    [{ subscribers: { crm: null } }, 'subscribers.crm', /a method deliver\(\)/],
    [{ subscribers: { crm: new Sms() } }, 'subscribers.crm', /a method deliver\(\)/],
    [{ subscribers: { crm: { deliver: 5 } } }, 'subscribers.crm', /a method deliver\(\)/],
    [{ subscribers: { crm: { deliver, capabilities: 5 } } }, 'subscribers.crm.capabilities', /named values/],
    [{ subscribers: { crm: { deliver, capabilities: { batch: 0 } } } }, 'subscribers.crm.capabilities.batch', /1 to/],
    [{ subscribers: { crm: { deliver, capabilities: { speed: 1 } } } }, 'subscribers.crm.capabilities.speed', /no such/],
    [{ subscribers: { crm: { deliver, actions: 'message.*' } } }, 'subscribers.crm.actions', /use a/],
    [{ subscribers: { crm: { deliver, actions: ['sent'] } } }, 'subscribers.crm.actions', /message\.sent/],
    [{ observer: {} }, 'observer', /a method notice\(\)/],
    [{ observer: 7 }, 'observer', /a method notice\(\)/],
    [{ late_after: 59 }, 'late_after', /60 to 31,536,000/],
    [{ late_after: 31_536_001 }, 'late_after', /60 to 31,536,000/],
    [{ late_after: 90.5 }, 'late_after', /use/],
    [{ late_after: '3 days' }, 'late_after', /use/],
  ]) {
    await assert.rejects(Engine.open({ ...where, ...options }), (error) => {
      assert.deepEqual([error.code, error.fields.length, error.fields[0].field], ['invalid', 1, field]);
      assert.match(error.fields[0].message, words);
      return true;
    });
  }
});

onEach('a message says since when it is due', async (t) => {
  const engine = await open(t, { channels: { sms: new Sms() }, late_after: 60 });
  const id = await approved(engine);
  const { queued_at, approved_at } = await engine.getMessage(id);
  assert.equal(queued_at, approved_at);
  await engine.runUntilIdle();
  const { status, queued_at: after } = await engine.getMessage(id);
  assert.deepEqual([status, after], ['sent', null]);
});

onEach('an observer hears of what this engine commits', async (t) => {
  const heard = [];
  const hear = (notices) => heard.push(...notices);
  for (const notice of [
    (notices) => { hear(notices); throw new Error('a screen that is gone'); },
    async (notices) => { hear(notices); return 10n; },
  ]) {
    heard.length = 0;
    const where = place(t);
    const engine = await open(t, { ...where, channels: { sms: new Sms() }, observer: { notice } });
    const person = await engine.createContact({ name: 'Ann' });
    // At once, without a worker.
    await until(() => heard.length === 1);
    assert.deepEqual(heard[0], {
      workspace: 'default', subject: 'contact', id: person.id, action: 'created', status: null, version: 1,
    });
    const id = await approved(engine);
    await engine.runUntilIdle();
    const other = await open(t, where);
    const elsewhere = (await other.createContact({ name: 'Bob' })).id;
    await other.close();
    const history = await engine.messageHistory(id);
    await until(() => heard.at(-1).action === 'sent');
    await engine.close();
    // In order. Claims are the store's own.
    const about = heard.filter((one) => one.id === id).map((one) => one.action);
    assert.deepEqual(about, history.map((event) => event.action).filter((action) => action !== 'claimed'));
    assert.ok(heard.every((one) => one.id !== elsewhere));
  }
});

onEach('an observer may hang, close the engine and miss some', async (t) => {
  const hanging = await open(t, { observer: { notice: never } });
  await hanging.createContact({ name: 'Ann' });
  await hanging.close();

  let engine;
  const closed = new Promise((resolve) => {
    const notice = async () => resolve(await engine.close());
    engine = open(t, { observer: { notice } });
  });
  engine = await engine;
  await engine.createContact({ name: 'Bob' });
  await closed;

  let go = () => {};
  const gone = new Promise((resolve) => (go = resolve));
  let heard = 0;
  let missed = 0;
  const slow = {
    async notice(notices) {
      heard += notices.length;
      await gone;
    },
    lagged(count) {
      missed += count;
    },
  };
  const busy = await open(t, { observer: slow });
  await busy.createContact({ name: 'Cid' });
  await until(() => heard > 0);
  const rows = Array.from({ length: 6_000 }, (_, n) => `P${n},p${n}@mail.example\n`);
  assert.equal((await busy.importContacts('name,email\n' + rows.join(''))).created, 6_000);
  go();
  await until(() => heard + missed === 6_001);
  assert.ok(missed > 0);
});
