// SPDX-License-Identifier: Apache-2.0
// Files: sent as they are, but photos are drawn anew, smaller and without what a camera hides in them (place, device).

import { request } from './http';
import { UnsentFile } from './conversation';

export const FILE_MAX = 25 * 1024 * 1024;
export const FILES_MAX = 10;

/** `done` gets the id; or the key of a text when the file is refused for good, or 'session'; or neither: try again. */
export function upload(
  base: string,
  session: string,
  f: UnsentFile,
  progress: (part: number) => void,
  done: (id: string, error: string, retryAfter: number) => void,
): () => void {
  const headers = {
    'x-parley-session': session,
    'x-parley-name': encodeURIComponent(f.name),
    'content-type': f.type || 'application/octet-stream',
  };
  return request(
    { method: 'POST', url: base + '/upload', body: f.blob, headers, timeout: 600000, progress },
    (status, body, retryAfter) => {
      if (status === 201) return done(String((JSON.parse(body) as { id: string }).id), '', 0);
      if (status === 401) return done('', 'session', 0);
      if (status === 413) return done('', 'file_large', 0);
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) return done('', 'file_kind', 0);
      done('', '', retryAfter);
    },
  );
}

const EDGE = 2000;

/** A photo without its metadata, at most 2,000 pixels wide or high; anything else, or what fails, comes back unchanged. */
export function prepare(file: File, done: (f: UnsentFile) => void): void {
  const name = file.name.slice(-180);
  const same: UnsentFile = { blob: file, name, type: file.type };
  if (!/^image\/(jpeg|png|webp|hei[cf])$/.test(file.type)) return done(same);
  const url = URL.createObjectURL(file);
  const img = new Image();
  const end = (f: UnsentFile): void => {
    URL.revokeObjectURL(url);
    done(f);
  };
  img.onerror = () => end(same);
  img.onload = () => {
    const scale = Math.min(1, EDGE / Math.max(img.width, img.height, 1));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(img.width * scale));
    canvas.height = Math.max(1, Math.round(img.height * scale));
    const pen = canvas.getContext('2d');
    if (!pen) return end(same);
    pen.drawImage(img, 0, 0, canvas.width, canvas.height);
    const type = file.type === 'image/png' ? 'image/png' : 'image/jpeg';
    canvas.toBlob(
      (blob) => end(blob ? { blob, name: type === 'image/jpeg' ? jpegName(name) : name, type } : same),
      type,
      0.85,
    );
  };
  img.src = url;
}

function jpegName(name: string): string {
  return name.replace(/\.[^.]*$/, '') + '.jpg';
}
