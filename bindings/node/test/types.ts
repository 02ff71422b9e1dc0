// Compiles under --strict: what a host writes in TypeScript. Never run.

import { CrmError, Engine, outcome, type Channel, type Delivery, type Llm, type Outcome, type Work } from '../index.js';

class Sms implements Channel {
  readonly capabilities = { address: 'phone', subject: false } as const;

  async send(message: Delivery): Promise<Outcome> {
    return message.content.length > 160 ? outcome.rejected('too_long') : outcome.accepted(message.attempt_id);
  }
}

const writer: Llm = { draft: (request) => `Hello, ${request.language}` };

export async function job(): Promise<number> {
  const engine = await Engine.open({
    path: 'postgres://crm@db.example/crm',
    schema: 'crm',
    connections: 4,
    actor: 'anna',
    role: 'manager',
    channels: { sms: new Sms(), quick: { send: () => outcome.unknown('lost') } },
    llm: writer,
  });
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
  // @ts-expect-error: an outcome is no text
  const wrong: Channel = { send: () => 'sent' };
  return (cost ?? next ?? wrong.toString()).length + drained;
}
