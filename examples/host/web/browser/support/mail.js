// A mail relay that takes a message whole and hangs up before it says so: nobody knows then whether it has it.
import { createServer } from "node:net";

const ANSWERS = {
  EHLO: "250 relay",
  HELO: "250 relay",
  MAIL: "250 ok",
  RCPT: "250 ok",
  RSET: "250 ok",
  DATA: "354 go on",
};

export async function startMail() {
  let received = 0;
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setEncoding("utf8");
    socket.write("220 relay ready\r\n");
    let rest = "";
    let data = false;
    socket.on("data", (piece) => {
      rest += piece;
      for (;;) {
        const end = rest.indexOf("\r\n");
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data) {
          if (line !== ".") continue;
          received += 1;
          socket.destroy();
          return;
        }
        const verb = line.slice(0, 4).toUpperCase();
        data = verb === "DATA";
        socket.write(`${ANSWERS[verb] ?? "502 what?"}\r\n`);
        if (verb === "QUIT") socket.end();
      }
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    line: `smtp://127.0.0.1:${server.address().port}?tls=none&from=news@salon.example`,
    received: () => received,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => server.close(closed));
    },
  };
}
