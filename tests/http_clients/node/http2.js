// Node's HTTP/2 client, which knows before that the server speaks it, against the address that is given. Tells what a caller is shown.
'use strict';
const http2 = require('node:http2');
const { createHash } = require('node:crypto');

const LONG = 3 << 20;
const PATTERN = Buffer.alloc(LONG, Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251)));
let session;

// Resolves to lines, so that those of exchanges at once do not mix.
function ask(head, send) {
  return new Promise((resolve) => {
    const lines = [];
    const tell = (mark, headers) => lines.push(`${mark} ${JSON.stringify(headers, (key, value) => (key === 'date' ? 'now' : value))}`);
    const stream = session.request(head, { endStream: !send, waitForTrailers: false });
    const parts = [];
    stream.on('headers', (headers) => tell('before', headers));
    stream.on('response', (headers) => tell('head', headers));
    stream.on('trailers', (headers) => tell('trailers', headers));
    stream.on('data', (part) => parts.push(part));
    stream.on('error', (error) => lines.push(`-- ${error.code} ${error.message}`));
    stream.on('close', () => {
      const body = Buffer.concat(parts);
      const sum = () => `${body.length} bytes ${createHash('sha256').update(body).digest('hex')}`;
      lines.push(body.length < 2000 ? body.toString('latin1') : sum(), `closed ${stream.rstCode}`);
      resolve(lines.join('\n'));
    });
    if (send) send(stream);
  });
}

async function scenario(name, ...exchanges) {
  console.log(`== ${name}`);
  for (const lines of await Promise.all(exchanges.map(([head, send]) => ask(head, send)))) console.log(lines);
}

async function main() {
  session = http2.connect(`http://${process.argv[2]}`);
  await scenario('plain', [{ ':path': '/plain?a=b', 'x-odd': 'caf\xe9', 'x-two': ['1', '2'], cookie: ['a=1', 'b=2'] }]);
  await scenario('head', [{ ':method': 'HEAD', ':path': '/plain' }]);
  await scenario('none', [{ ':path': '/none' }]);
  await scenario('hints', [{ ':path': '/hints' }]);
  await scenario('upload', [{ ':method': 'PUT', ':path': '/up' }, (stream) => stream.end(PATTERN)]);
  await scenario('down', [{ ':path': '/down' }]);
  await scenario('reset by the server', [{ ':path': '/reset' }]);
  await scenario('early', [{ ':method': 'PUT', ':path': '/early' }, (stream) => stream.write('some')]);
  await scenario('large head', [{ ':path': '/plain', ':authority': 'example.test', 'x-large': 'x'.repeat(40_000) }]);
  const many = Array.from({ length: 40 }, (_, n) => [{ ':method': 'PUT', ':path': `/up?${n}` }, (stream) => stream.end(PATTERN.subarray(0, n * 5000))]);
  await scenario('many at once', ...many, [{ ':path': '/down' }], [{ ':path': '/down' }]);
  console.log('== ping');
  const pong = await new Promise((resolve) => session.ping(Buffer.from('faultwir'), (error, _, payload) => resolve(error ?? payload.toString())));
  console.log(pong);
  session.close();
}

main();
