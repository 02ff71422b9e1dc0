'use strict';

const http = require('node:http');

/** A provider over HTTP on this machine: answers every request the same and keeps what it was posted. */
async function provider(t, status = 200, answer = {}) {
  const here = { status, answer, posted: [], base: '' };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      here.posted.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts) });
      response.writeHead(here.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(here.answer));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  here.base = `http://127.0.0.1:${server.address().port}`;
  return here;
}

module.exports = { provider };
