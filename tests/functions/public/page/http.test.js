// Requests, and what becomes of their failures; the network is a function that the test puts in fetch's place.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Refusal, request } from "../../../../functions/public/page/http.js";

/** @type {(url: string, options: RequestInit) => Promise<Response>} */
let network;

beforeEach(() => {
  mock.method(globalThis, "fetch", (/** @type {string} */ url, /** @type {RequestInit} */ options) => network(url, options));
});
afterEach(() => mock.restoreAll());

/** @param {string} url */
const refusalOf = (url) =>
  request(url).then(
    () => assert.fail("it was not refused"),
    (error) => (error instanceof Refusal ? error : assert.fail(`no refusal: ${error}`)),
  );

test("a refusal has the server's code, sentence, fields and pause", async () => {
  network = async () => Response.json({ error: "Busy.", code: "NO_CAPACITY", region: "x" }, { status: 503, headers: { "Retry-After": "4" } });
  const refusal = await refusalOf("https://s.example/whip");
  assert.deepEqual(
    [refusal.status, refusal.code, refusal.message, refusal.fields, refusal.retryAfter],
    [503, "NO_CAPACITY", "Busy.", { region: "x" }, 4],
  );
});

test("a proxy's page still becomes a clear sentence", async () => {
  network = async () => new Response("<html>Bad Gateway</html>", { status: 502 });
  const refusal = await refusalOf("https://s.example/");
  assert.deepEqual([refusal.code, refusal.message, refusal.retryAfter], ["UNEXPECTED", "The server answered 502.", null]);
});

test("a network that fails is a refusal with a code of its own", async () => {
  network = () => Promise.reject(new TypeError("Failed to fetch"));
  assert.equal((await refusalOf("https://s.example/")).code, "UNREACHABLE");
});

test("an answer that takes too long is as good as none", async () => {
  network = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
  await assert.rejects(request("https://s.example/", { timeout: 5 }), { code: "UNREACHABLE" });
});

test("what a person stopped is no refusal", async () => {
  const stopped = new AbortController();
  network = () => {
    stopped.abort();
    return Promise.reject(new DOMException("aborted", "AbortError"));
  };
  await assert.rejects(request("https://s.example/", { signal: stopped.signal }), { name: "AbortError" });
});

test("no cookie and no address of the page goes along", async () => {
  /** @type {RequestInit[]} */
  const seen = [];
  network = async (_, options) => {
    seen.push(options);
    return new Response();
  };
  await request("https://s.example/", { headers: { Authorization: "Bearer x" } });
  assert.deepEqual([seen[0].credentials, seen[0].referrerPolicy], ["omit", "no-referrer"]);
});
