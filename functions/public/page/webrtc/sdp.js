// What is changed in offers and answers before a browser takes them. Pure: SDP in, SDP out.

/**
 * *offer* of a viewer who takes Opus in stereo. Without this Chrome decodes it to mono, whatever is sent.
 * @param {string} offer
 */
export function receivingStereo(offer) {
  return withOpusParameters(offer, "stereo=1");
}

/**
 * *offer* of a publisher who sends Opus in stereo; the fmtp of the answer says what the server takes.
 * @param {string} offer
 */
export function sendingStereo(offer) {
  return withOpusParameters(offer, "stereo=1;sprop-stereo=1");
}

/**
 * *answer* that lets the browser begin at *kbps* instead of feeling its way up from 300: congestion control goes on from
 * there. Chrome reads this from the answer's fmtp; others ignore it.
 * @param {string} answer
 * @param {number} kbps
 */
export function beginningAt(answer, kbps) {
  const hint = `x-google-start-bitrate=${kbps}`;
  const video = /(m=video [\s\S]*?)(?=\r\nm=|$)/;
  return answer.replace(video, (section) => {
    const types = [...section.matchAll(/a=rtpmap:(\d+) (?:H264|VP8|VP9|AV1|H265)\/90000/gi)].map(([, type]) => type);
    return types.reduce((text, type) => {
      const fmtp = new RegExp(`(a=fmtp:${type} [^\\r\\n]*)`);
      return fmtp.test(text)
        ? text.replace(fmtp, `$1;${hint}`)
        : text.replace(new RegExp(`(a=rtpmap:${type} [^\\r\\n]*)`), `$1\r\na=fmtp:${type} ${hint}`);
    }, section);
  });
}

/**
 * @param {string} sdp
 * @param {string} parameters
 */
function withOpusParameters(sdp, parameters) {
  return sdp.replace(/(a=fmtp:\d+ (?:[^\r\n]*;)?)(useinbandfec=1)/g, `$1$2;${parameters}`);
}
