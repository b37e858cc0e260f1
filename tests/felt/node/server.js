// A server of WebSockets and of server-sent events. It says its port, and then a line for each request that has reached it.
'use strict';
const http = require('http');
const { setTimeout: pause } = require('timers/promises');
const { WebSocketServer } = require('ws');

// Five events, behind the one that the client has had last; then it is the client's turn to leave.
const server = http.createServer(async (request, answer) => {
  console.log(request.url);
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  const last = Number(request.headers['last-event-id'] ?? 0);
  for (let n = last + 1; n <= 6; n++) {
    answer.write(`retry: 20\nid: ${n}\ndata: ${n === 6 ? 'end' : n}\n\n`);
    await pause(2);
  }
  answer.end();
});

const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  console.log(request.url);
  // What the tests break on purpose is no news.
  socket.on('error', () => {});
  socket.on('message', async (data) => {
    const many = Number(String(data).split(' ')[1]);
    for (let n = 1; n <= many; n++) {
      socket.send(`m${n}`);
      await pause(2);
    }
    // Asked for none it is silent.
    if (many > 0) socket.send('end');
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
