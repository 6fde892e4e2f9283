// SPDX-License-Identifier: Apache-2.0
// Runs telegram-test-api for a test: node telegram_server.mjs PORT. What people do and what the bot sent go by its own HTTP routes.
// It knows no secret tokens: they are put on its webhook calls here, as the real server does. Ends when its stdin does.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Server = require("telegram-test-api");
const axios = require("axios");

const port = Number(process.argv[2]);
const server = new Server({ port, host: "127.0.0.1", storeTimeout: 600 });
// Its webhook calls are not awaited; a refused one must not end the process, as it does not end Telegram.
process.on("unhandledRejection", (e) => console.error(`refused: ${e.message}`));
axios.interceptors.request.use((request) => {
  for (const hook of Object.values(server.webhooks))
    if (hook.url === request.url && hook.secret_token) request.headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret_token;
  return request;
});
await server.start();
console.log("ready");
process.stdin.on("end", () => process.exit(0)).resume();
