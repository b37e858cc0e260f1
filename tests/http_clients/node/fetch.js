// Node's fetch, which is undici, against the address that is given. Tells what a caller is shown.
'use strict';
const { createHash } = require('node:crypto');

const base = `http://${process.argv[2]}`;
const LONG = 3 << 20;
const PATTERN = Buffer.alloc(LONG, Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251)));

function stream() {
  let at = 0;
  return new ReadableStream({
    pull(to) {
      if (at >= LONG) return to.close();
      to.enqueue(PATTERN.subarray(at, at + 70_001));
      at += 70_001;
    },
  });
}

async function ask(path, options) {
  const answer = await fetch(base + path, options);
  console.log(`${answer.status} ${answer.statusText}`);
  for (const [name, value] of answer.headers) console.log(`  ${name}: ${JSON.stringify(value)}`);
  const body = Buffer.from(await answer.arrayBuffer());
  const long = () => `${body.length} bytes ${createHash('sha256').update(body).digest('hex')}`;
  console.log(`  ${body.length < 200 ? JSON.stringify(body.toString('latin1')) : long()}`);
}

async function scenario(name, act) {
  console.log(`== ${name}`);
  try {
    await act();
  } catch (error) {
    console.log(`-- ${error.message} of ${error.cause?.code} ${error.cause?.message}`);
  }
}

async function main() {
  await scenario('kept alive', async () => {
    for (const n of [1, 2, 3]) await ask(`/plain?${n}`);
  });
  await scenario('odd', () => ask('/odd', { headers: { 'X-Odd': 'caf\xe9', 'x-EMPTY': '' } }));
  await scenario('head', () => ask('/head', { method: 'HEAD' }));
  await scenario('none', () => ask('/none', { method: 'DELETE' }));
  await scenario('same', () => ask('/same', { headers: { 'If-None-Match': '"v1"' } }));
  await scenario('chunked', () => ask('/chunked'));
  await scenario('hints', () => ask('/hints'));
  await scenario('moved', () => ask('/moved'));
  await scenario('form', () => ask('/form', { method: 'POST', body: new URLSearchParams({ a: '1' }) }));
  await scenario('upload', () => ask('/up', { method: 'PUT', body: PATTERN }));
  await scenario('upload in chunks', () => ask('/up', { method: 'PUT', body: stream(), duplex: 'half' }));
  await scenario('down', () => ask('/down'));
  await scenario('down in chunks', () => ask('/down-in-chunks'));
  await scenario('cut', () => ask('/cut'));
  // It would keep its connections, and itself, for some seconds.
  process.exit(0);
}

main();
