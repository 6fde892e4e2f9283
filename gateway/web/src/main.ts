import { mount } from 'svelte';
import App from './components/App.svelte';
import { app } from './lib/app.svelte';
import { mountSprite } from './lib/icons';
import { onKey } from './lib/keys';
import { ui, watchDress } from './lib/ui.svelte';
import './style/tokens.css';
import './style/fonts.css';
import './style/base.css';

const WOKE_MS = 15_000;

/** A timer that comes much too late means that the computer slept. */
function watchSleep(): void {
  let last = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - last > WOKE_MS) app.desk?.socket.wake();
    last = now;
    ui.tick();
  }, 1000);
}

watchDress();
mountSprite();
mount(App, { target: document.getElementById('app')! });
watchSleep();
addEventListener('online', () => app.desk?.socket.wake());
addEventListener('pageshow', () => app.desk?.socket.wake());
addEventListener('keydown', onKey);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) app.desk?.socket.wake();
});
void app.start();
