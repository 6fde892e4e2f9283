// SPDX-License-Identifier: Apache-2.0
// Form bodies for the mock: urlencoded and multipart/form-data, as browsers write them.

export function parseForm(type, body) {
  const out = { files: [] };
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/.exec(type);
  if (!boundary) {
    for (const [k, v] of new URLSearchParams(body.toString())) out[k] = v;
    return out;
  }
  const mark = Buffer.from('--' + (boundary[1] || boundary[2]));
  let at = body.indexOf(mark);
  while (at >= 0) {
    const next = body.indexOf(mark, at + mark.length);
    if (next < 0) break;
    part(out, body.subarray(at + mark.length + 2, next - 2));
    at = next;
  }
  return out;
}

function part(out, bytes) {
  const gap = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, gap).toString();
  const body = bytes.subarray(gap + 4);
  const name = /name="([^"]*)"/.exec(head);
  const file = /filename="([^"]*)"/.exec(head);
  const type = /content-type: *([^\r\n]+)/i.exec(head);
  if (file) out.files.push({ name: file[1], type: type ? type[1] : 'application/octet-stream', body });
  else if (name) out[name[1]] = body.toString();
}
