// The calls of the page to the control plane, at the origin that served it.

import { request } from "./webrtc/session.js";

const json = async (url, options) => (await request(url, options)).json();
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

export const WHIP = "/whip";
export const whep = (streamId) => `/${streamId}/whep`;
export const watchLink = (streamId) => new URL(`/watch/${streamId}`, location.origin).href;

export const anonymous = () => json("/v1/anonymous", { method: "POST" });
export const streamState = (streamId, options = {}) => json(`/v1/streams/${streamId}`, options);
export const account = (token, signal) => json("/v1/account", { headers: bearer(token), signal });
export const accountKeys = (token, signal) => json("/v1/account/keys", { headers: bearer(token), signal });
export const accountUsage = (token, signal) => json("/v1/account/usage", { headers: bearer(token), signal });
export const dryRun = (token, asked) =>
  json("/v1/account/dry-run", { method: "POST", headers: { ...bearer(token), "Content-Type": "application/json" }, body: JSON.stringify(asked) });
export const accountRefusals = (token, signal) => json("/v1/account/refusals", { headers: bearer(token), signal });
