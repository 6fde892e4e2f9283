// How the page asks for attention: the title's number, an optional tone, and words for screen readers.
// Never a person's text or name in any of them.
import { t } from './text.svelte';
import type { Entry, Thread } from './types';
import { ui } from './ui.svelte';

export class Alerts {
  private audio: AudioContext | null = null;

  offered(thread: Thread): void {
    ui.say(thread.priority >= 3 ? t('offer.said_emergency') : t('offer.said'));
    this.tone(thread.priority >= 3 ? [880, 660, 880] : [660, 880]);
  }

  arrived(entry: Entry, open: string | null): void {
    if (entry.direction !== 'in' || entry.kind !== 'message') return;
    if (entry.thread === open) ui.say(t('entry.said'));
    if (entry.thread !== open || document.hidden) this.tone([520]);
  }

  title(count: number, name: string): void {
    document.title = count > 0 ? `(${count}) ${name}` : name;
  }

  private tone(notes: number[]): void {
    if (!ui.settings.sound) return;
    try {
      this.audio ??= new AudioContext();
      const { audio } = this;
      notes.forEach((frequency, at) => beep(audio, frequency, audio.currentTime + at * 0.18));
    } catch {
      // No sound device: the other signs remain.
    }
  }
}

function beep(audio: AudioContext, frequency: number, at: number): void {
  const tone = audio.createOscillator();
  const loud = audio.createGain();
  tone.frequency.value = frequency;
  loud.gain.setValueAtTime(0, at);
  loud.gain.linearRampToValueAtTime(0.12, at + 0.02);
  loud.gain.exponentialRampToValueAtTime(0.001, at + 0.16);
  tone.connect(loud).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 0.17);
}
