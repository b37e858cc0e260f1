// Node's own HTTP client in the ways that it can be used, against the address that is given. Tells what a caller is shown.
'use strict';
const http = require('node:http');
const { createHash } = require('node:crypto');
const { once } = require('node:events');

const [host, port] = process.argv[2].split(':');
const LONG = 3 << 20;
const PATTERN = Buffer.alloc(LONG, Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251)));
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

async function body(from) {
  const parts = [];
  for await (const part of from) parts.push(part);
  const all = Buffer.concat(parts);
  return all.length < 200 ? JSON.stringify(all.toString('latin1')) : `${all.length} bytes ${createHash('sha256').update(all).digest('hex')}`;
}

function headers(raw) {
  for (let i = 0; i < raw.length; i += 2) console.log(`  ${raw[i]}: ${JSON.stringify(raw[i + 1])}`);
}

// `send`: what is done with the request; else it is ended.
async function ask(options, send) {
  const request = http.request({ host, port, agent, ...options });
  request.on('information', (info) => {
    console.log(`  information ${info.statusCode} ${info.statusMessage}`);
    headers(info.rawHeaders);
  });
  request.on('continue', () => console.log('  continue'));
  const answered = once(request, 'response');
  if (send) send(request);
  else request.end();
  const [answer] = await answered;
  console.log(`${answer.statusCode} ${answer.statusMessage}`);
  headers(answer.rawHeaders);
  console.log(`  ${await body(answer)}`);
  for (let i = 0; i < answer.rawTrailers.length; i += 2) console.log(`  trailers ${answer.rawTrailers[i]}: ${answer.rawTrailers[i + 1]}`);
  return answer;
}

async function scenario(name, act) {
  console.log(`== ${name}`);
  try {
    await act();
  } catch (error) {
    console.log(`-- ${error.code} ${error.message}`);
  }
}

// Sends lines on a stream of bytes, and reads them back.
async function lines(stream, head) {
  let seen = head;
  const upTo = async (count) => {
    while (seen.length < count) {
      const more = once(stream, 'data');
      stream.resume();
      seen = Buffer.concat([seen, (await more)[0]]);
      stream.pause();
    }
    const first = seen.subarray(0, count);
    seen = seen.subarray(count);
    return first;
  };
  console.log(`  ${JSON.stringify((await upTo(8)).toString())}`);
  for (const line of [Buffer.from('one'), Buffer.from([0, 255, 10]), PATTERN.subarray(0, 200_000)]) {
    stream.write(line);
    console.log(`  ${line.length} bytes, the same: ${(await upTo(line.length)).equals(line)}`);
  }
  const ended = once(stream, 'end');
  stream.end();
  stream.resume();
  await ended;
  console.log('  ended');
}

async function main() {
  await scenario('kept alive', async () => {
    for (const n of [1, 2, 3]) await ask({ path: `/plain?${n}` });
  });
  await scenario('odd', () => ask({ path: '/odd', headers: { 'X-Odd': 'caf\xe9', 'x-EMPTY': '', 'Two-Of-It': ['1', '2'] } }));
  await scenario('head', () => ask({ path: '/head', method: 'HEAD' }));
  await scenario('none', () => ask({ path: '/none', method: 'DELETE' }));
  await scenario('same', () => ask({ path: '/same', headers: { 'If-None-Match': '"v1"' } }));
  await scenario('chunked with trailers', () => ask({ path: '/chunked', headers: { TE: 'trailers' } }));
  await scenario('hints', () => ask({ path: '/hints' }));
  await scenario('form', () => ask({ path: '/form', method: 'POST' }, (request) => request.end('a=1')));
  await scenario('put of nothing', () => ask({ path: '/up', method: 'PUT' }));
  await scenario('continue', () =>
    ask({ path: '/up', method: 'PUT', headers: { Expect: '100-continue', 'Content-Length': LONG } }, (request) => {
      request.flushHeaders();
      request.on('continue', () => request.end(PATTERN));
    }));
  await scenario('refused', () =>
    ask({ path: '/refused', method: 'PUT', agent: false, headers: { Expect: '100-continue', 'Content-Length': LONG } }, (request) => {
      request.flushHeaders();
      request.on('continue', () => request.end(PATTERN));
      request.on('error', () => {});
    }).then((answer) => answer.req.destroy()));
  await scenario('upload', () => ask({ path: '/up', method: 'PUT', headers: { 'Content-Length': LONG } }, (request) => request.end(PATTERN)));
  await scenario('upload in chunks', () =>
    ask({ path: '/up', method: 'PUT' }, (request) => {
      for (let at = 0; at < LONG; at += 70_001) request.write(PATTERN.subarray(at, at + 70_001));
      request.end();
    }));
  await scenario('upload with trailers', () =>
    ask({ path: '/up', method: 'PUT', headers: { Trailer: 'X-Sum' } }, (request) => {
      request.write('some');
      request.addTrailers({ 'X-Sum': 'abc', 'X-Sum-Of': 'it' });
      request.end();
    }));
  await scenario('down', () => ask({ path: '/down' }));
  await scenario('down in chunks', () => ask({ path: '/down-in-chunks' }));
  await scenario('early', () =>
    ask({ path: '/early', method: 'PUT', agent: false, headers: { 'Content-Length': LONG } }, (request) => {
      request.on('error', () => {});
      request.write(PATTERN.subarray(0, LONG - 1));
    }).then((answer) => answer.req.destroy()));
  await scenario('down until close', () => ask({ path: '/down-until-close', agent: false }));
  await scenario('cut', () => ask({ path: '/cut', agent: false }));
  await scenario('close', () => ask({ path: '/plain', agent: false, headers: { Connection: 'close' } }));
  await scenario('absolute', () => ask({ path: 'http://example.test/plain', headers: { Host: 'example.test' } }));
  await scenario('upgrade', async () => {
    const request = http.request({ host, port, path: '/upgrade', headers: { Connection: 'Upgrade', Upgrade: 'echo' } });
    request.end();
    const [answer, socket, head] = await once(request, 'upgrade');
    console.log(`  upgrade ${answer.statusCode} ${answer.statusMessage}`);
    headers(answer.rawHeaders);
    await lines(socket, head);
  });
  await scenario('connect', async () => {
    const request = http.request({ host, port, method: 'CONNECT', path: 'example.test:80' });
    request.end();
    const [answer, socket, head] = await once(request, 'connect');
    console.log(`  connect ${answer.statusCode} ${answer.statusMessage}, ${head.length} behind it`);
    await ask({ path: '/plain?inside', createConnection: () => socket, agent: null, headers: { Host: 'example.test' } });
    socket.destroy();
  });
  agent.destroy();
}

main();
