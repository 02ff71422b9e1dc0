// Stands in for the model's API: looks at each request as strictly as it needs to, bills every call alike, and
// answers when it is let.
import { createServer } from "node:http";

export const USAGE = {
  input_tokens: 412,
  output_tokens: 64,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

/** What is wrong with a request, if anything. */
function fault(request, text) {
  const { method, url, headers } = request;
  if (method !== "POST" || url !== "/v1/messages") return `${method} ${url}`;
  if (headers["x-api-key"] !== "test-key") return "the key";
  if (!/^\d{4}-\d\d-\d\d$/u.test(headers["anthropic-version"] ?? "")) return "the version";
  if (headers["content-type"] !== "application/json") return "the content type";
  const body = JSON.parse(text);
  const user = body.messages?.[0];
  if (typeof body.model !== "string" || !(body.max_tokens >= 1)) return "model or max_tokens";
  if (body.messages.length !== 1 || user.role !== "user") return "the messages";
  if (body.output_config?.format?.type !== "json_schema") return "the form of the answer";
  return null;
}

function draft(model) {
  const text = "Уважаемый клиент, с весной! Будем рады видеть вас снова.";
  const content = { language: "ru", subject: "С весной", text, uses_name: false };
  return {
    id: "msg_01",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text: JSON.stringify(content) }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: USAGE,
  };
}

export async function startClaude() {
  const faults = [];
  const waiting = [];
  let free = 0;
  let calls = 0;
  const answerAll = () => {
    while (free > 0 && waiting.length > 0) {
      free -= 1;
      waiting.shift()();
    }
  };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const wrong = fault(request, text);
    if (wrong !== null) {
      faults.push(wrong);
      response.writeHead(400, { "content-type": "application/json" });
      const error = { type: "invalid_request_error", message: wrong };
      response.end(JSON.stringify({ type: "error", error }));
      return;
    }
    const { model } = JSON.parse(text);
    waiting.push(() => {
      calls += 1;
      response.writeHead(200, { "content-type": "application/json", "request-id": `req_${calls}` });
      response.end(JSON.stringify(draft(model)));
    });
    answerAll();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    faults,
    calls: () => calls,
    /** Lets so many calls be answered: those that wait, and the next ones. */
    let: (count) => {
      free += count;
      answerAll();
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}
