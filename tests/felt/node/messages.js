// Clients of messages in Node: ws, and eventsource, which is as those of browsers. Does what each line of its input says, and tells in one line what
// a caller is shown: how long it took, then the messages and how they ended.
'use strict';
const readline = require('readline');
const WebSocket = require('ws');
const { EventSource } = require('eventsource');

const words = (options) => Object.fromEntries(options.map((word) => word.split('=')).map(([name, value]) => [name, Number(value)]));
const told = (got, how) => `${got.join(',')} ${how}`.trim();

const clients = {
  // Asks for so many messages, and then says goodbye. `timeout=300` is when it has had enough.
  ws: (to, ...options) => new Promise((resolve) => {
    const { messages = 5, timeout } = words(options);
    const got = [];
    const errors = [];
    const socket = new WebSocket(`ws://${to}/`, { perMessageDeflate: false });
    const enough = timeout && setTimeout(() => { errors.push('had enough'); socket.terminate(); }, timeout);
    socket.on('open', () => socket.send(`count ${messages}`));
    socket.on('message', (data) => {
      const text = data.toString();
      got.push(/^[a-z0-9]+$/.test(text) ? text : '?');
      if (got.includes('end') && got.length >= messages) socket.close(1000);
    });
    socket.on('error', (error) => errors.push(error.message));
    socket.on('close', (code, reason) => {
      clearTimeout(enough);
      resolve(told(got, [...errors, `closed ${code}`, ...(reason.length ? [reason] : [])].join(' ')));
    });
  }),

  // How many came, and whether each behind the one that was sent before it.
  async sorts(to, ...options) {
    const got = (await clients.ws(to, ...options)).split(' ')[0].split(',');
    const sent = got.map((text) => (text === 'end' ? got.length : Number(text.slice(1))));
    return `${got.length} messages, ${sent.every((n, at) => n === at + 1) ? 'in order' : 'not in order'}`;
  },

  // Reads until the last event, and connects again as it is told. `timeout=300` is when it has had enough.
  eventsource: (to, ...options) => new Promise((resolve) => {
    const { timeout } = words(options);
    const got = [];
    const from = [];
    // With a connection for each.
    const asks = (url, init) => {
      from.push(init.headers['Last-Event-ID'] ?? 'the beginning');
      return fetch(url, { ...init, headers: { ...init.headers, connection: 'close' } });
    };
    const source = new EventSource(`http://${to}/events`, { fetch: asks });
    const end = (how) => {
      source.close();
      clearTimeout(enough);
      resolve(told(got, `${how}, from ${from.join(' and ')}`));
    };
    const enough = timeout && setTimeout(() => end('had enough'), timeout);
    source.onmessage = (event) => {
      got.push(event.data);
      if (event.data === 'end') end('well');
    };
    source.onerror = (error) => {
      if (source.readyState === EventSource.CLOSED) end(`gave up at ${error.code}`);
    };
  }),
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [to, name, ...rest] = line.split(' ');
    const begin = performance.now();
    const said = await clients[name](to, ...rest);
    console.log(`${Math.floor(performance.now() - begin)} ${said}`);
  }
  process.exit(0);
})();
