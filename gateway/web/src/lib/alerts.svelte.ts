// How the page asks for attention: the title and the icon of its tab, a tone, words for screen readers, a notice.
// No text of a person in any of them, and a name only inside the page.
import { contactName } from './say';
import { t } from './text.svelte';
import type { Entry, Thread } from './types';
import { ui } from './ui.svelte';

type Go = (thread: string) => void;

export class Alerts {
  private audio: AudioContext | null = null;

  offered(thread: Thread): void {
    ui.say(thread.priority >= 3 ? t('offer.said_emergency') : t('offer.said'));
    this.tone(thread.priority >= 3 ? [880, 660, 880] : [660, 880]);
  }

  /** Of the threads that I hold; what colleagues are told is theirs to hear. */
  arrived(entry: Entry, open: string | null, mine: boolean): void {
    if (entry.direction !== 'in' || entry.kind !== 'message') return;
    if (entry.thread === open) ui.say(t('entry.said'));
    else if (mine) ui.say(t('entry.said_other'));
    if (mine && (entry.thread !== open || document.hidden)) this.tone([520]);
  }

  failed(thread: Thread | undefined, open: string | null, mine: boolean, go: Go): void {
    if (!thread || !mine) return;
    if (thread.id === open) ui.say(t('entry.failed_said'));
    else ui.tell('error', t('entry.failed_in', { name: contactName(thread) }), { label: t('entry.show'), run: () => go(thread.id) });
  }

  given(thread: Thread, go: Go): void {
    ui.tell('info', t('thread.given', { name: contactName(thread) }), { label: t('entry.show'), run: () => go(thread.id) });
    this.tone([660, 880]);
  }

  /** What waits is told where the tab is one of many: in front of its name, and by a mark on its icon. */
  title(count: number, offers: number, name: string): void {
    const what = offers > 0 ? `${t('offer.title')} · ${name}` : name;
    document.title = count > 0 ? `(${count}) ${what}` : what;
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
    const wanted = count > 0 ? '/mark-waits.svg' : '/mark.svg';
    if (icon && icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  }

  /** Of a red alert, again and again until somebody has it. */
  ring(): void {
    this.tone([988, 740, 988, 740]);
  }

  private tone(notes: number[]): void {
    if (!ui.settings.sound) return;
    try {
      this.audio ??= new AudioContext();
      const { audio } = this;
      // Made before the first click on the page it waits for one; by now there was one, or it stays silent.
      if (audio.state === 'suspended') void audio.resume().catch(() => undefined);
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
