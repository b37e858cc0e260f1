// A WebSocket server that sends back what it gets. It says its port.
'use strict';
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, maxPayload: 256 << 20 });
server.on('listening', () => console.log(server.address().port));
server.on('connection', (connection) => {
  // What the tests break on purpose is no news.
  connection.on('error', () => {});
  connection.on('message', (data, binary) => connection.send(data, { binary, compress: true }));
});
