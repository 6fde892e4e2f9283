// SPDX-License-Identifier: Apache-2.0
// Voice notes where the browser can record: record, listen, then send or delete.

import { $, show } from './dom';
import { number, t } from './texts';
import { UnsentFile } from './conversation';
import { statusLine } from './notice';

const LONGEST = 300; // seconds
const KINDS = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

export class Voice {
  private panel = $('voice');
  private player = $<HTMLAudioElement>('voice-player');
  private begin = $<HTMLButtonElement>('record');
  private recorder: MediaRecorder | null = null;
  private parts: Blob[] = [];
  private ready: Blob | null = null;
  private clock = 0;

  constructor(
    private send: (f: UnsentFile) => void,
    private focusBack: () => void,
  ) {
    if (typeof MediaRecorder === 'undefined' || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return;
    show(this.begin, true);
    this.begin.onclick = () => this.start();
    $('voice-stop').onclick = () => this.stop();
    $('voice-drop').onclick = () => this.drop();
    $('voice-send').onclick = () => this.done();
  }

  /** Ends a recording and lets go of what was recorded. */
  drop(): void {
    const r = this.recorder;
    this.recorder = null;
    if (r) release(r);
    this.ready = null;
    this.parts = [];
    clearInterval(this.clock);
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.removeAttribute('src');
    if (this.panel.hidden) return;
    show(this.panel, false);
    $('write').classList.remove('voicing');
    this.focusBack();
  }

  private start(): void {
    if (this.recorder || this.ready) return;
    const fail = (): void => statusLine.pass('no_microphone', 8000);
    navigator.mediaDevices.getUserMedia({ audio: true }).then((s) => this.record(s), fail);
  }

  private record(stream: MediaStream): void {
    const kind = KINDS.find((k) => !MediaRecorder.isTypeSupported || MediaRecorder.isTypeSupported(k));
    const r = new MediaRecorder(stream, kind ? { mimeType: kind, audioBitsPerSecond: 24000 } : {});
    this.recorder = r;
    this.parts = [];
    r.ondataavailable = (e) => this.parts.push(e.data);
    r.onstop = () => this.recorder === r && this.recorded(r);
    r.start(1000);
    this.draw(true);
    const began = Date.now();
    const tick = (): void => {
      const s = Math.floor((Date.now() - began) / 1000);
      $('voice-time').textContent = t('recording') + ' ' + number(Math.floor(s / 60)) + ':' + (s % 60 < 10 ? number(0) : '') + number(s % 60);
      if (s >= LONGEST) this.stop();
    };
    tick();
    this.clock = window.setInterval(tick, 500);
    $('voice-stop').focus();
  }

  private stop(): void {
    clearInterval(this.clock);
    if (this.recorder && this.recorder.state !== 'inactive') this.recorder.stop();
  }

  private recorded(r: MediaRecorder): void {
    release(r);
    this.recorder = null;
    const type = (r.mimeType || (this.parts[0] && this.parts[0].type) || 'audio/webm').split(';')[0] as string;
    this.ready = new Blob(this.parts, { type });
    this.parts = [];
    this.player.src = URL.createObjectURL(this.ready);
    this.draw(false);
    $('voice-send').focus();
  }

  private done(): void {
    const blob = this.ready;
    if (!blob) return;
    const ending = /mp4/.test(blob.type) ? '.m4a' : /ogg/.test(blob.type) ? '.ogg' : '.webm';
    this.drop();
    this.send({ blob, name: 'voice' + ending, type: blob.type });
  }

  private draw(recording: boolean): void {
    show(this.panel, true);
    $('write').classList.add('voicing');
    show($('voice-time'), recording);
    show($('voice-stop'), recording);
    show(this.player, !recording);
    show($('voice-send'), !recording);
  }
}

function release(r: MediaRecorder): void {
  if (r.state !== 'inactive') r.stop();
  r.stream.getTracks().forEach((track) => track.stop());
}
