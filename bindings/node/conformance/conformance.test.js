'use strict';

// The core's conformance suites against adapters written in JavaScript.
//
// Needs the library built with the feature `testing`; `cargo xtask test` does that.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { outcome } = require('..');
const native = require('../native.node');

class Refused extends Error {}

/** The far end: takes messages, or gets into the trouble that a case asks for. */
class Provider {
  constructor() {
    this.reset();
  }

  reset() {
    this.arrived = [];
    this.keys = new Set();
    this.trouble = undefined;
    this.behaviour = 'answer';
    this.text = 'Hello';
    this.requests = 0;
  }

  async submit(key, recipient, subject, content) {
    await null;
    if (this.trouble === 'unreachable') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    if (this.trouble && this.trouble !== 'silent_after_body') throw new Refused(this.trouble);
    if (!this.keys.has(key)) {
      this.keys.add(key);
      this.arrived.push({ recipient, subject, content });
    }
    if (this.trouble) throw new Error('timeout');
    return `id-${key}`;
  }

  async complete() {
    this.requests += 1;
    switch (this.behaviour) {
      case 'overloaded':
      case 'bad_key':
        throw new Refused(this.behaviour);
      case 'unreachable':
        throw new Error('refused');
      case 'malformed':
        return { no: 'text' };
      case 'refuse':
        return { stop: 'refusal', text: '' };
      case 'cut_off':
        return { stop: 'length', text: 'Dear An' };
      case 'empty':
        return { stop: 'end', text: '' };
      default:
        return { stop: 'end', text: this.text };
    }
  }

  /** What the suite asks of it. */
  answer(question) {
    switch (question.ask) {
      case 'reset':
        this.reset();
        return true;
      case 'delivered':
        return this.arrived;
      case 'requests':
        return this.requests;
      case 'trouble':
        this.trouble = question.trouble;
        return true;
      case 'behave':
        this.behaviour = question.behaviour;
        this.text = question.text;
        return true;
      default:
        return false;
    }
  }
}

/** A channel as a host would write it. */
class Adapter {
  constructor(provider) {
    this.provider = provider;
  }

  async send(message) {
    try {
      const { key, recipient, subject, content } = message;
      return outcome.accepted(await this.provider.submit(key, recipient, subject, content));
    } catch (error) {
      if (error.code === 'ECONNREFUSED') return outcome.retryAfter(1_000, 'connection_refused');
      // A timeout goes on: the engine takes it for unknown, which it is.
      if (!(error instanceof Refused)) throw error;
      if (error.message === 'busy') return outcome.retryAfter(1_000, 'busy');
      if (error.message === 'no_such_address') return outcome.dead('no_such_address');
      return outcome.stop(error.message);
    }
  }
}

/** A model as a host would write it. */
class Model {
  constructor(provider) {
    this.provider = provider;
  }

  async draft(request) {
    let answer;
    try {
      answer = await this.provider.complete(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.message === 'bad_key') return { failure: 'configuration', reason: 'bad_key' };
      return { failure: 'unavailable', reason: 'overloaded' };
    }
    if (answer.stop === 'refusal') return { failure: 'refused' };
    if (answer.stop === 'length') return { failure: 'truncated' };
    if (answer.stop !== 'end') return { failure: 'bad_output', reason: 'no_text' };
    return { content: answer.text, model: 'model-1', input_tokens: 10, output_tokens: 5, cost_picodollars: 15_000 };
  }
}

async function run(suite, adapter, provider, capabilities = {}, llm = {}) {
  const model = new Model(provider);
  const invoke = async (name, request) => {
    const argument = JSON.parse(request);
    if (name === 'provider') return JSON.stringify(provider.answer(argument));
    return JSON.stringify(await (name === 'llm' ? model.draft(argument) : adapter.send(argument)));
  };
  const { ok } = JSON.parse(await native.conformance(JSON.stringify({ suite, capabilities, llm }), invoke));
  return {
    count: ok.length,
    failed: ok.filter((result) => result.failure !== null),
    skipped: ok.filter((result) => result.skipped !== null).map((result) => result.name),
  };
}

test('a channel in JavaScript conforms', async () => {
  for (const [capabilities, without] of [
    [{}, ['an_attempt_is_delivered_once_if_idempotent']],
    [{ idempotent: true }, []],
    [
      { subject: false, max_length: 100, idempotent: true },
      ['delivers_the_subject', 'delivers_a_long_subject', 'refuses_header_injection_in_the_subject'],
    ],
  ]) {
    const provider = new Provider();
    const { count, failed, skipped } = await run('channel', new Adapter(provider), provider, capabilities);
    assert.deepEqual(failed, []);
    assert.deepEqual(skipped, without);
    assert.ok(count >= 27, `${count}`);
  }
});

test('a model in JavaScript conforms', async () => {
  for (const [llm, without] of [
    [{}, ['a_draft_costs_no_more_than_was_said']],
    [{ worst_cost_usd: '0.000000015' }, []],
  ]) {
    const provider = new Provider();
    const { count, failed, skipped } = await run('llm', new Adapter(provider), provider, {}, llm);
    assert.deepEqual([failed, skipped], [[], without]);
    assert.ok(count >= 17, `${count}`);
  }
});

test('a model that costs more than was said is found out', async () => {
  const provider = new Provider();
  const llm = { worst_cost_usd: '0.000000014' };
  const { failed } = await run('llm', new Adapter(provider), provider, {}, llm);
  assert.deepEqual(
    failed.map((result) => result.name),
    ['a_draft_costs_no_more_than_was_said'],
  );
});

test('a channel that guesses is found out', async () => {
  class Guessing extends Adapter {
    send(message) {
      return super.send(message).catch(() => outcome.retryAfter(1_000, 'timeout'));
    }
  }
  const provider = new Provider();
  const { failed } = await run('channel', new Guessing(provider), provider);
  assert.deepEqual(failed.map((result) => result.name), ['silence_after_the_body_is_unknown']);
});
