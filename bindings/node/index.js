'use strict';

// The engine's methods over the addon, which knows operations as names and JSON.

const native = require('./native.node');

/** What the engine refused or could not do; the text is one sentence for a person. */
class CrmError extends Error {
  constructor(message, code = 'internal', retryable = false, fields = []) {
    super(message);
    this.name = 'CrmError';
    this.code = code;
    this.retryable = retryable;
    this.fields = fields;
  }
}

function invalid(field, message) {
  return new CrmError(`${field}: ${message}`, 'invalid', false, [{ field, message }]);
}

function encode(values) {
  let text;
  try {
    text = JSON.stringify(values, finite);
  } catch {
    // A BigInt, a circular value, a getter or toJSON that throws, or too deep.
    throw invalid('input', 'it has a value that is no JSON');
  }
  if (text === undefined) throw invalid('input', 'it has a value that is no JSON');
  return text;
}

// JSON.stringify would make null of these, and null means something else: no schedule, any version.
function finite(key, value) {
  const given = this[key];
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not finite');
  if (given instanceof Date && Number.isNaN(given.getTime())) throw new TypeError('no date');
  return value;
}

function decode(envelope) {
  const { ok, error } = JSON.parse(envelope);
  if (error) throw new CrmError(error.message, error.code, error.retryable, error.fields);
  return ok;
}

function named(values, field = 'input') {
  if (values === undefined) return {};
  if (values === null || typeof values !== 'object' || Array.isArray(values)) {
    throw invalid(field, 'give an object of named values');
  }
  return values;
}

/** What a channel may have besides send(), and its arguments as the request has them. */
const OPTIONAL = {
  lookUp: ['look_up', (doubt) => [doubt]],
  // Each byte came as the character of its number.
  read: ['read', ({ url, headers, body }) => [{ url, headers, body: Buffer.from(body, 'latin1') }]],
  units: ['units', ({ subject, content }) => [subject, content]],
};

const whole = (request) => [request];

function isSettings(channel) {
  if (typeof channel === 'string') return true;
  if (channel === null || typeof channel !== 'object' || typeof channel.send === 'function') return false;
  return 'type' in channel || 'providers' in channel;
}

/** The plugins of one engine: by name, what runs them and what the engine has to know. */
function dispatcher(channels, llm, subscribers, observer) {
  const methods = new Map();
  const options = { channels: {}, settings: {} };

  function plugin(key, channel, where) {
    if (typeof channel?.send !== 'function') {
      throw invalid(where, 'give an object with a method send(), or settings with a type');
    }
    const capabilities = named(channel.capabilities, `${where}.capabilities`);
    const limit = capabilities.timeout_ms;
    methods.set(key, caller((...given) => channel.send(...given), whole, limit, 30_000));
    const has = [];
    for (const [method, [name, args]] of Object.entries(OPTIONAL)) {
      if (typeof channel[method] !== 'function') continue;
      methods.set(`${key}/${name}`, caller((...given) => channel[method](...given), args, limit, 30_000));
      has.push(name);
    }
    return { ...capabilities, methods: has };
  }

  function table(given, where) {
    if (given.type === 'plugin') throw invalid(where, 'give the object itself');
    return given;
  }

  function settings(name, given, where) {
    if (typeof given === 'string') return given;
    const { providers } = table(given, where);
    if (!Array.isArray(providers)) return given;
    const known = providers.map((provider, index) => {
      const place = `${where}.providers[${index}]`;
      if (isSettings(provider)) return typeof provider === 'string' ? provider : table(provider, place);
      const described = plugin(`${name}.${index}`, provider, place);
      return { ...described, name: provider.name, type: 'plugin' };
    });
    return { ...given, providers: known };
  }

  for (const [name, channel] of Object.entries(named(channels, 'channels'))) {
    if (name === 'llm') throw invalid('channels', 'no channel can be named llm');
    const where = `channels.${name}`;
    if (isSettings(channel)) options.settings[name] = settings(name, channel, where);
    else options.channels[name] = plugin(name, channel, where);
  }
  if (llm !== undefined && llm !== null) {
    if (typeof llm.draft !== 'function') throw invalid('llm', 'give an object with a method draft()');
    const { timeout_ms, worst_cost_usd } = llm;
    options.llm = { timeout_ms, worst_cost_usd };
    methods.set('llm', caller((request, call) => llm.draft(request, call), whole, llm.timeout_ms, 60_000));
  }
  options.subscribers = {};
  for (const [name, subscriber] of Object.entries(named(subscribers, 'subscribers'))) {
    const where = `subscribers.${name}`;
    if (typeof subscriber?.deliver !== 'function') throw invalid(where, 'give an object with a method deliver()');
    const { actions = [] } = subscriber;
    const capabilities = named(subscriber.capabilities, `${where}.capabilities`);
    options.subscribers[name] = { actions, capabilities };
    const deliver = (changes, call) => subscriber.deliver(changes, call);
    methods.set(`subscriber:${name}`, caller(deliver, whole, capabilities.timeout_ms, 30_000));
  }
  if (observer !== undefined && observer !== null) {
    if (typeof observer.notice !== 'function') throw invalid('observer', 'give an object with a method notice()');
    options.observer = true;
    for (const method of ['notice', 'lagged']) {
      const tell = async (told, call) => {
        // What it answers means nothing, and may be no JSON.
        await observer[method]?.(told, call);
      };
      methods.set(`observer:${method}`, caller(tell, whole, undefined, 30_000));
    }
  }
  return { options, invoke: async (name, request) => methods.get(name)(request) };
}

function caller(method, args, timeout, usual) {
  const limit = Number.isSafeInteger(timeout) && timeout > 0 ? timeout : usual;
  return async (request) => {
    const answer = await method(...args(JSON.parse(request)), { signal: AbortSignal.timeout(limit) });
    return encode(answer === undefined ? null : answer);
  };
}

/** The bytes of what is given as bytes or text. */
function bytesOf(value, field) {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid(field, 'the text holds half a surrogate pair');
    return Buffer.from(value, 'utf8');
  }
  if (!(value instanceof Uint8Array)) throw invalid(field, 'give a string or a Uint8Array');
  return value;
}

/** Headers as pairs: of a Headers, of an object whose values may be lists (node:http), or of pairs. */
function pairsOf(headers) {
  const wrong = () => invalid('headers', 'give Headers, an object or pairs of name and value');
  if (headers === null || typeof headers !== 'object') throw wrong();
  const entries = typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
  return entries.flatMap((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong();
    const [name, value] = pair;
    const values = Array.isArray(value) ? value : [value];
    return values.filter((one) => one !== undefined).map((one) => [name, one]);
  });
}

/** A file that is being exported, part by part. */
class ContactsExport {
  #call;
  #values;
  #report = { contacts: 0, lossy_cells: 0, left_out: 0 };
  #ended = false;

  constructor(call, values) {
    this.#call = call;
    this.#values = values;
  }

  get report() {
    return this.#report;
  }

  async #next() {
    if (this.#ended) return undefined;
    const { export_id, part, report } = await this.#call(this.#values);
    this.#values = { export_id };
    this.#report = report;
    this.#ended = part === null;
    return this.#ended ? undefined : Buffer.from(part, 'base64');
  }

  async *[Symbol.asyncIterator]() {
    for (let part = await this.#next(); part !== undefined; part = await this.#next()) yield part;
  }

  async bytes() {
    const parts = [];
    for await (const part of this) parts.push(part);
    return Buffer.concat(parts);
  }
}

class Engine {
  #native;

  constructor(handle) {
    if (!(handle instanceof native.Native)) throw invalid('engine', 'use await Engine.open(...)');
    decode(handle.opened());
    this.#native = handle;
  }

  static async open(options) {
    const { channels = {}, llm, subscribers = {}, observer, ...rest } = named(options);
    const plugins = dispatcher(channels, llm, subscribers, observer);
    const text = encode({ ...rest, ...plugins.options });
    return new Engine(await native.open(text, plugins.invoke));
  }

  actAs(actor, role, workspace) {
    return new Engine(this.#native.actAs(encode({ actor, role, workspace })));
  }

  async #call(operation, values = {}, file = undefined) {
    return decode(await this.#native.start(operation, encode(values), file));
  }

  async importContacts(file, options) {
    return this.#call('import_contacts', named(options), bytesOf(file, 'file'));
  }

  async previewImport(file, options) {
    return this.#call('preview_import', named(options), bytesOf(file, 'file'));
  }

  async revertImport({ import_id, rows }) {
    return this.#call('revert_import', { import_id, rows });
  }

  exportContacts(wanted) {
    return new ContactsExport((values) => this.#call('export_contacts', values), named(wanted));
  }

  async createContact(fields) {
    return this.#call('create_contact', named(fields));
  }

  async updateContact(id, fields, { version } = {}) {
    return this.#call('update_contact', { id, fields, version });
  }

  async upsertContacts(rows, { mode } = {}) {
    if (!Array.isArray(rows)) throw invalid('rows', 'give a list of rows');
    return this.#call('upsert_contacts', { rows, mode });
  }

  async mergeContacts(id, contact_id, options) {
    return this.#call('merge_contacts', { ...named(options), id, contact_id });
  }

  async getContact(id) {
    return this.#call('get_contact', { id });
  }

  async listContacts(query) {
    return this.#call('list_contacts', named(query));
  }

  async eraseContact(id) {
    await this.#call('erase_contact', { id });
  }

  async subjectAccess(id) {
    return this.#call('subject_access', { id });
  }

  async listFields() {
    return this.#call('list_fields');
  }

  async getField(name) {
    return this.#call('get_field', { name });
  }

  async setField(name, fields, { version } = {}) {
    return this.#call('set_field', { name, fields: named(fields), version });
  }

  async removeField(name) {
    return this.#call('remove_field', { name });
  }

  async listAudiences() {
    return this.#call('list_audiences');
  }

  async getAudience(id) {
    return this.#call('get_audience', { id });
  }

  async saveAudience(fields) {
    return this.#call('save_audience', named(fields));
  }

  async updateAudience(id, fields, { version } = {}) {
    return this.#call('update_audience', { id, fields: named(fields), version });
  }

  async removeAudience(id) {
    return this.#call('remove_audience', { id });
  }

  async sampleAudience(audience, { limit } = {}) {
    return this.#call('sample_audience', { audience, limit });
  }

  async requestOptIn(id, wish) {
    return this.#call('request_opt_in', { ...named(wish), id });
  }

  async confirmOptIn(token) {
    await this.#call('confirm_opt_in', { token });
  }

  async createTemplate(fields) {
    return this.#call('create_template', named(fields));
  }

  async getTemplate(id) {
    return this.#call('get_template', { id });
  }

  async listTemplates(query) {
    return this.#call('list_templates', named(query));
  }

  async previewTemplate(id, whom) {
    return this.#call('preview_template', { ...named(whom), id });
  }

  async generateMessage(wanted) {
    return this.#call('generate_message', named(wanted));
  }

  async generateVariants(count, wanted) {
    return this.#call('generate_variants', { count, wanted: named(wanted) });
  }

  async getVoice() {
    return this.#call('get_voice');
  }

  async setVoice(fields, { version } = {}) {
    return this.#call('set_voice', { fields: named(fields), version });
  }

  async createMessage(draft) {
    return this.#call('create_message', named(draft));
  }

  async editMessage(id, edit) {
    return this.#call('edit_message', { ...named(edit), id });
  }

  async submitMessage(id, { version } = {}) {
    return this.#call('submit_message', { id, version });
  }

  async getMessage(id) {
    return this.#call('get_message', { id });
  }

  async listMessages(query) {
    return this.#call('list_messages', named(query));
  }

  async messageHistory(id) {
    return this.#call('message_history', { id });
  }

  async messageAttempts(id) {
    return this.#call('message_attempts', { id });
  }

  async receive(channel, callback) {
    const { url, headers, body } = named(callback, 'callback');
    return this.#call('receive', { channel, url, headers: pairsOf(headers) }, bytesOf(body, 'body'));
  }

  async challenge(channel, { url } = {}) {
    return this.#call('challenge', { channel, url });
  }

  async hear(channel, news) {
    return this.#call('hear', { channel, news });
  }

  async hearBounce(channel, mail) {
    return this.#call('hear_bounce', { channel }, bytesOf(mail, 'mail'));
  }

  async unsubscribeToken(wish) {
    return this.#call('unsubscribe_token', named(wish));
  }

  async unsubscribeLink(wish) {
    return this.#call('unsubscribe_link', named(wish));
  }

  async unsubscription(token) {
    return this.#call('unsubscription', { token });
  }

  async unsubscribe(token) {
    await this.#call('unsubscribe', { token });
  }

  async approveMessage(id, seen) {
    const { version, digest, override_reason } = named(seen);
    return this.#call('approve_message', { id, version, digest, override_reason });
  }

  async rejectMessage(id, { version, reason } = {}) {
    return this.#call('reject_message', { id, version, reason });
  }

  async cancelMessage(id, { reason } = {}) {
    return this.#call('cancel_message', { id, reason });
  }

  async sendMessage(id) {
    return this.#call('send_message', { id });
  }

  async previewBulk(action, which) {
    return this.#call('preview_bulk', { action, which });
  }

  async decideBulk(action, which, { manifest, reason } = {}) {
    return this.#call('decide_bulk', { action, which, manifest, reason });
  }

  async resolveMessage(id, { outcome, reason } = {}) {
    return this.#call('resolve_message', { id, outcome, reason });
  }

  async createCampaign(fields) {
    return this.#call('create_campaign', named(fields));
  }

  async getCampaign(id) {
    return this.#call('get_campaign', { id });
  }

  async listCampaigns(query) {
    return this.#call('list_campaigns', named(query));
  }

  async copyCampaign(id, name) {
    return this.#call('copy_campaign', { id, name });
  }

  async executeCampaign(id, { test_mode } = {}) {
    return this.#call('execute_campaign', { id, test_mode });
  }

  async pauseCampaign(id) {
    return this.#call('pause_campaign', { id });
  }

  async resumeCampaign(id) {
    return this.#call('resume_campaign', { id });
  }

  async cancelCampaign(id) {
    return this.#call('cancel_campaign', { id });
  }

  async campaignStats(id) {
    return this.#call('campaign_stats', { id });
  }

  async campaignPlan(id, query) {
    return this.#call('campaign_plan', { ...named(query), id });
  }

  async campaignBatches(id) {
    return this.#call('campaign_batches', { id });
  }

  async campaignCost(id) {
    return this.#call('campaign_cost', { id });
  }

  async campaignExperiment(id) {
    return this.#call('campaign_experiment', { id });
  }

  async listBudgets({ limit, skip } = {}) {
    return this.#call('list_budgets', { limit, skip });
  }

  async setBudget(period, limit_usd, { campaign_id, version } = {}) {
    return this.#call('set_budget', { period, limit_usd, campaign_id, version });
  }

  async removeBudget(period, { campaign_id } = {}) {
    await this.#call('remove_budget', { period, campaign_id });
  }

  async usage(query) {
    return this.#call('usage', named(query));
  }

  async usageCalls(query) {
    return this.#call('usage_calls', named(query));
  }

  async campaignDuplicates(id) {
    return this.#call('campaign_duplicates', { id });
  }

  async dashboard() {
    return this.#call('dashboard');
  }

  async aiUsage() {
    return this.#call('ai_usage');
  }

  async verifyAudit(checkpoint) {
    return this.#call('verify_audit', { checkpoint });
  }

  async subscribe(name, { start } = {}) {
    await this.#call('subscribe', { name, start });
  }

  async listSubscriptions() {
    return this.#call('list_subscriptions');
  }

  async enableSubscription(name) {
    await this.#call('enable_subscription', { name });
  }

  async hold() {
    return this.#call('hold');
  }

  async acknowledgeHold(hold, { messages, reason } = {}) {
    return this.#call('acknowledge_hold', { hold, messages, reason });
  }

  async runUntilIdle() {
    return this.#call('run_until_idle');
  }

  async runWorker({ signal } = {}) {
    if (signal?.aborted) return;
    const stop = () => this.#native.stopWorker();
    const working = this.#call('run_worker');
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await working;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  stopWorker() {
    decode(this.#native.stopWorker());
  }

  async close() {
    await this.#call('close');
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close();
  }
}

/** How a delivery ended: what a channel's send() returns. */
const outcome = Object.freeze({
  accepted: (provider_id) => ({ outcome: 'accepted', provider_id }),
  dead: (reason) => ({ outcome: 'dead', reason }),
  rejected: (reason) => ({ outcome: 'rejected', reason }),
  retryAfter: (at_least_ms, reason, scope = 'message') => ({ outcome: 'retry_after', scope, at_least_ms, reason }),
  stop: (reason) => ({ outcome: 'stop', reason }),
  unknown: (reason) => ({ outcome: 'unknown', reason }),
});

/** What became of a call: what a subscriber's deliver() returns. */
const told = Object.freeze({
  taken: () => ({ told: 'taken' }),
  later: (reason, at_least_ms) => ({ told: 'later', reason, at_least_ms }),
  closed: (reason) => ({ told: 'closed', reason }),
});

module.exports = { ContactsExport, CrmError, Engine, outcome, told };
