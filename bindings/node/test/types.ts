// Compiles under --strict: what a host writes in TypeScript. Never run.

import type { IncomingMessage } from 'node:http';

import {
  CrmError,
  Engine,
  outcome,
  told,
  type Attempt,
  type Callback,
  type Channel,
  type ContactsExport,
  type Delivery,
  type Doubt,
  type Llm,
  type LookUp,
  type News,
  type Notice,
  type Observer,
  type Outcome,
  type Providers,
  type Received,
  type Refused,
  type StateChange,
  type SubjectAccess,
  type Subscriber,
  type Subscription,
  type Told,
  type Work,
} from '../index.js';

class Sms implements Channel {
  readonly capabilities = { address: 'phone', subject: false } as const;

  async send(message: Delivery): Promise<Outcome> {
    return message.content.length > 160 ? outcome.rejected('too_long') : outcome.accepted(message.attempt_id);
  }
}

class Gateway implements Channel {
  readonly capabilities = { address: 'phone', rate: { units: 10, per_ms: 1_000 }, idempotent: true } as const;
  readonly name = 'ours';

  send(message: Delivery): Outcome {
    return outcome.accepted(message.attempt_id);
  }

  async lookUp(doubt: Doubt): Promise<LookUp> {
    return doubt.subject === null ? { found: 'not_taken' } : { found: 'taken', provider_id: doubt.attempt_id };
  }

  read(callback: Callback): News[] | Refused {
    const said: News = { news: 'receipt', provider_id: callback.url, fate: 'delivered', at: new Date(0) };
    return callback.body.length > 0 ? [said, { news: 'opt_in', address: '+1' }] : { refused: 'invalid' };
  }

  units(_subject: string | null, content: string): number {
    return Math.ceil(content.length / 153);
  }
}

const sms: Providers = {
  providers: [
    { type: 'eskiz', email: 'crm@salon.example', password: 'p', http: { timeout: 10 } },
    { type: 'twilio', account_sid: 'AC', auth_token: 't', from: 'MG1' },
    new Gateway(),
  ],
  rest: 30,
  rate: { units: 10, per: 1 },
};

/** What a server does with what providers post to it. */
export async function receipts(engine: Engine, request: IncomingMessage, body: Uint8Array): Promise<number> {
  const received: Received = await engine.receive('sms', { url: `https://crm.example${request.url}`, headers: request.headers, body });
  await engine.receive('sms', { url: 'https://crm.example/x', headers: new Headers(), body: '' });
  const [attempt]: Attempt[] = await engine.messageAttempts('id');
  const link: string = await engine.unsubscribeLink({ contact_id: 'x', channel: 'sms', topic: 'marketing' });
  await engine.unsubscribe((await engine.unsubscription(link)).contact_id);
  // @ts-expect-error: there is no such provider
  await Engine.open({ path: 'x', actor: 'a', role: 'admin', channels: { sms: { type: 'pigeon' } } });
  // @ts-expect-error: a bot has a token
  await Engine.open({ path: 'x', actor: 'a', role: 'admin', channels: { t: { type: 'telegram' } } });
  // @ts-expect-error: a receipt has a fate
  await engine.hear('sms', [{ news: 'receipt', provider_id: 'x' }]);
  return received.receipts + (attempt?.receipts.length ?? 0);
}

/** Contacts written to wherever a host keeps files. */
export async function written(engine: Engine, write: (part: Uint8Array) => Promise<void>): Promise<number> {
  const exported: ContactsExport = engine.exportContacts({ format: 'csv', excel: true, audience: { segment: 'vip' } });
  for await (const part of exported) await write(part);
  const document: SubjectAccess = await engine.subjectAccess('id');
  // @ts-expect-error: there is no such format
  engine.exportContacts({ format: 'xlsx' });
  return exported.report.lossy_cells + document.messages.length;
}

class Crm implements Subscriber {
  readonly actions = ['message.*'] as const;
  readonly capabilities = { batch: 10 };

  async deliver(changes: StateChange[]): Promise<Told> {
    const last: number | undefined = changes.at(-1)?.position;
    return last === undefined ? told.later('odd', 1_000) : told.taken();
  }
}

const screen: Observer = { notice: (notices: Notice[]) => console.log(notices.length), lagged: (missed) => missed };

const writer: Llm = { draft: (request) => `Hello, ${request.language}` };

export async function job(): Promise<number> {
  const engine = await Engine.open({
    path: 'postgres://crm@db.example/crm',
    schema: 'crm',
    connections: 4,
    actor: 'anna',
    role: 'manager',
    channels: {
      sms: new Sms(),
      quick: { send: () => outcome.unknown('lost') },
      bulk: sms,
      telegram: { type: 'telegram', token: '1:a' },
      email: 'smtp://127.0.0.1:25?tls=none&from=a@b.example',
    },
    unsubscribe_keys: ['0123456789abcdef0123456789abcdef'],
    unsubscribe_url: 'https://crm.example/u/',
    llm: writer,
    subscribers: { crm: new Crm(), bot: { deliver: () => told.closed('moved') } },
    observer: screen,
    late_after: 3_600,
  });
  await engine.subscribe('crm', { start: 'beginning' });
  const [crm]: Subscription[] = await engine.listSubscriptions();
  if (crm?.state === 'disabled') await engine.enableSubscription(crm.name);
  const { items, next } = await engine.listMessages({ status: 'pending_approval', limit: 10 });
  for (const message of items) await engine.approveMessage(message.id, message);
  const { drained }: Work = await engine.runUntilIdle();
  const cost: string | undefined = items[0]?.metadata.cost_usd;
  try {
    await engine.runWorker({ signal: AbortSignal.timeout(10) });
  } catch (error) {
    if (error instanceof CrmError && error.code === 'conflict' && error.retryable) return error.fields.length;
    throw error;
  }
  // @ts-expect-error: an approval says what was seen
  await engine.approveMessage('id');
  // @ts-expect-error: there is no such role
  engine.actAs('x', 'system');
  // @ts-expect-error: there is no such occasion
  await engine.generateMessage({ contact_id: 'x', occasion_type: 'easter' });
  // @ts-expect-error: it says what became of the call
  await Engine.open({ path: 'x', actor: 'a', role: 'admin', subscribers: { x: { deliver: () => {} } } });
  // @ts-expect-error: an outcome is no text
  const wrong: Channel = { send: () => 'sent' };
  return (cost ?? next ?? wrong.toString()).length + drained;
}
