// The calls of the page to the control plane, at the origin that served it.

import { request } from "./http.js";

/** @typedef {import("./http.js").RequestOptions} RequestOptions */

/**
 * What a viewer can know of a stream; times in seconds since 1970, *limit* in viewers.
 * @typedef {{live: boolean, viewers: number, limit: number, since: number | null, problems?: {say: string}[]}} StreamState
 */

/**
 * An account, with its limits, the month's use and what is live.
 * @typedef {{account: string, tier: string, limits: {streams: number, viewers: number, kbps: number, protocols: string[]}, usage: {bytes: number, quota_bytes: number, percentage_used: number, blocked: boolean, resets_at: number}, streams: LiveStream[]}} Account
 * @typedef {{stream_id: string, viewers: number, limit: number, since?: number, kbps?: number, node?: string}} LiveStream
 * @typedef {{stream_id: string, label?: string, created?: number, live: boolean}} Key
 * @typedef {{at: number, code: string, say?: string, label?: string, stream_id: string, protocol: string, address: string}} PastRefusal
 */

/**
 * The bytes of a month (`2026-11`), by day and by stream.
 * @typedef {{month: string, bytes: number, received: number, sent: number, quota_bytes: number, days: {day: string | null, bytes: number}[], streams: {stream_id: string | null, label?: string, bytes: number}[]}} Usage
 */

/**
 * Whether something would be admitted now, and what was looked at.
 * @typedef {{action: string, protocol: string, would: string, node: string, region: string, waits_seconds: number, refusal: {error: string, code: string}, retry_after?: number, checks: Check[]}} DryRun
 * @typedef {{check: string, passed: boolean | null, saw: string}} Check
 */

/**
 * @param {string} url
 * @param {RequestOptions} [options]
 */
const json = async (url, options) => (await request(url, options)).json();

/** @param {string} token */
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/** Where anybody with a key publishes: the control plane sends the offer on to a node. */
export const WHIP = "/whip";

/**
 * Where the stream *streamId* is watched.
 * @param {string} streamId
 */
export const whep = (streamId) => `/${streamId}/whep`;

/**
 * The address that a publisher shares with viewers.
 * @param {string} streamId
 */
export const watchLink = (streamId) => new URL(`/watch/${streamId}`, location.origin).href;

/**
 * A new stream key of nobody's account.
 * @returns {Promise<{stream_key: string, stream_id: string}>}
 */
export const anonymous = () => json("/v1/anonymous", { method: "POST" });

/**
 * What anybody may know of the stream *streamId*.
 * @param {string} streamId
 * @param {RequestOptions} [options]
 * @returns {Promise<StreamState>}
 */
export const streamState = (streamId, options) => json(`/v1/streams/${streamId}`, options);

/**
 * The account whose token *token* is.
 * @param {string} token
 * @returns {Promise<Account>}
 */
export const account = (token) => json("/v1/account", { headers: bearer(token) });

/**
 * The stream keys of the account, without their secrets.
 * @param {string} token
 * @returns {Promise<{keys: Key[]}>}
 */
export const accountKeys = (token) => json("/v1/account/keys", { headers: bearer(token) });

/**
 * Where this month's bytes went.
 * @param {string} token
 * @returns {Promise<Usage>}
 */
export const accountUsage = (token) => json("/v1/account/usage", { headers: bearer(token) });

/**
 * Whether *asked* would be admitted if it were tried now.
 * @param {string} token
 * @param {{action: string, stream_id: string}} asked
 * @returns {Promise<DryRun>}
 */
export const dryRun = (token, asked) =>
  json("/v1/account/dry-run", {
    method: "POST",
    headers: { ...bearer(token), "Content-Type": "application/json" },
    body: JSON.stringify(asked),
  });

/**
 * The last refusals that keys of the account met with.
 * @param {string} token
 * @returns {Promise<{refusals: PastRefusal[]}>}
 */
export const accountRefusals = (token) => json("/v1/account/refusals", { headers: bearer(token) });
