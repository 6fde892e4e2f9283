// SPDX-License-Identifier: Apache-2.0
// Requests by XMLHttpRequest: the oldest browsers here can abort them and tell progress, which their fetch cannot.

export interface Request {
  method: 'GET' | 'POST';
  url: string;
  body?: string | Blob;
  headers?: Record<string, string>;
  timeout: number;
  progress?: (part: number) => void;
}

/** `done` is called once with the status (0 when there was no answer), unless the request was aborted by the caller. */
export function request(r: Request, done: (status: number, body: string, retryAfter: number) => void): () => void {
  const x = new XMLHttpRequest();
  let over = false;
  const finish = (status: number): void => {
    if (over) return;
    over = true;
    const retry = status ? Number(x.getResponseHeader('retry-after')) || 0 : 0;
    done(status, status ? x.responseText : '', retry);
  };
  x.open(r.method, r.url);
  const headers = r.headers || {};
  for (const name of Object.keys(headers)) x.setRequestHeader(name, headers[name] as string);
  x.timeout = r.timeout;
  x.onload = () => finish(x.status);
  x.onerror = x.ontimeout = x.onabort = () => finish(0);
  const progress = r.progress;
  if (progress) x.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
  x.send(r.body === undefined ? null : r.body);
  return () => {
    over = true;
    x.abort();
  };
}
