// The HTTP clients of Node: node:http, its fetch, and undici with its retries. Does what each line of its input says, and tells in one line what a
// caller is shown: how long it took, then a status, body and mark, or the error with what it came of.
'use strict';
const http = require('http');
const readline = require('readline');
const undici = require('undici');

const PATTERN = Buffer.from(Array.from({ length: 64 << 10 }, (_, at) => at % 251));

// `timeout=300 post=100` as an object of numbers.
const words = (options) => Object.fromEntries(options.map((word) => word.split('=')).map(([name, value]) => [name, Number(value)]));

function shown(status, body, mark, ...more) {
  return [status, content(body), ...more, ...(mark ? ['by', mark] : [])].join(' ');
}

function content(body) {
  if (body.length < 80) return body.toString('latin1');
  if (body.includes('"title"')) return JSON.parse(body).title;
  return `${body.length} bytes ${body.equals(PATTERN.subarray(0, body.length)) ? 'as sent' : 'changed'}`;
}

// The error, and what it came of, which may be itself.
function kind(error) {
  const said = [];
  for (; error && said.length < 2; error = error.cause) said.push(`${error.name}${error.code ? ` ${error.code}` : ''}: ${JSON.stringify(error.message)}`);
  return said.join(' of ');
}

const clients = {
  http: (to, path, ...options) => new Promise((resolve, reject) => {
    const { timeout, post } = words(options);
    const request = http.request(`http://${to}${path}`, { agent: new http.Agent(), method: post ? 'POST' : 'GET', timeout }, (answer) => {
      const body = [];
      answer.on('data', (data) => body.push(data));
      answer.on('end', () => resolve(shown(answer.statusCode, Buffer.concat(body), answer.headers['x-faultwire-fault'])));
      answer.on('error', (error) => reject(Object.assign(error, { message: `${error.message} in the body` })));
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('no sign of life'), { name: 'Timeout' })));
    request.on('error', reject);
    request.end(post ? Buffer.alloc(post) : undefined);
  }),

  async fetch(to, path, ...options) {
    const { timeout, post } = words(options);
    const signal = AbortSignal.timeout(timeout ?? 30_000);
    const answer = await fetch(`http://${to}${path}`, post ? { method: 'POST', body: Buffer.alloc(post), signal } : { signal });
    return shown(answer.status, Buffer.from(await answer.arrayBuffer()), answer.headers.get('x-faultwire-fault'));
  },

  // Time-outs of its own: for the head, and between two pieces of a body.
  async undici(to, path, ...options) {
    const { head = 30_000, body = 30_000, post } = words(options);
    const dispatcher = new undici.Agent({ headersTimeout: head, bodyTimeout: body });
    const method = post ? 'POST' : 'GET';
    const answer = await undici.request(`http://${to}${path}`, { dispatcher, method, body: post && Buffer.alloc(post) });
    const whole = Buffer.from(await answer.body.arrayBuffer());
    return shown(answer.statusCode, whole, answer.headers['x-faultwire-fault']);
  },

  // Tries again what failed, and waits as it is told; a body that broke off is asked for from there.
  async retries(to, path, ...options) {
    const { tries = 3, post, asks = 1 } = words(options);
    const dispatcher = new undici.RetryAgent(new undici.Agent(), { maxRetries: tries, minTimeout: 20 });
    const method = post ? 'POST' : 'GET';
    let told;
    for (let n = 0; n < asks; n++) {
      const answer = await undici.request(`http://${to}${path}`, { dispatcher, method, body: post && Buffer.alloc(post) });
      told = shown(answer.statusCode, Buffer.from(await answer.body.arrayBuffer()), answer.headers['x-faultwire-fault']);
    }
    return told;
  },

  async price(to) {
    const product = await (await fetch(`http://${to}/product`)).json();
    return String(product.price.amount);
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [to, name, ...rest] = line.split(' ');
    const begin = performance.now();
    const told = await clients[name](to, ...rest).catch(kind);
    console.log(`${Math.floor(performance.now() - begin)} ${told}`);
  }
  process.exit(0);
})();
