// The icons that are used, from Lucide (ISC), as one sprite. Only what is named here is bundled.
import arrowDown from 'lucide-static/icons/arrow-down.svg?raw';
import arrowLeft from 'lucide-static/icons/arrow-left.svg?raw';
import arrowLeftRight from 'lucide-static/icons/arrow-left-right.svg?raw';
import bot from 'lucide-static/icons/bot.svg?raw';
import check from 'lucide-static/icons/check.svg?raw';
import checkCheck from 'lucide-static/icons/check-check.svg?raw';
import circleCheck from 'lucide-static/icons/circle-check.svg?raw';
import clock from 'lucide-static/icons/clock.svg?raw';
import coffee from 'lucide-static/icons/coffee.svg?raw';
import contactRound from 'lucide-static/icons/contact-round.svg?raw';
import copy from 'lucide-static/icons/copy.svg?raw';
import download from 'lucide-static/icons/download.svg?raw';
import ellipsis from 'lucide-static/icons/ellipsis.svg?raw';
import eye from 'lucide-static/icons/eye.svg?raw';
import eyeOff from 'lucide-static/icons/eye-off.svg?raw';
import file from 'lucide-static/icons/file.svg?raw';
import fileText from 'lucide-static/icons/file-text.svg?raw';
import flag from 'lucide-static/icons/flag.svg?raw';
import globe from 'lucide-static/icons/globe.svg?raw';
import image from 'lucide-static/icons/image.svg?raw';
import keyboard from 'lucide-static/icons/keyboard.svg?raw';
import lock from 'lucide-static/icons/lock.svg?raw';
import mail from 'lucide-static/icons/mail.svg?raw';
import mapPin from 'lucide-static/icons/map-pin.svg?raw';
import messageCircle from 'lucide-static/icons/message-circle.svg?raw';
import moon from 'lucide-static/icons/moon.svg?raw';
import paperclip from 'lucide-static/icons/paperclip.svg?raw';
import pause from 'lucide-static/icons/pause.svg?raw';
import phone from 'lucide-static/icons/phone.svg?raw';
import play from 'lucide-static/icons/play.svg?raw';
import plug from 'lucide-static/icons/plug.svg?raw';
import reply from 'lucide-static/icons/reply.svg?raw';
import rotateCcw from 'lucide-static/icons/rotate-ccw.svg?raw';
import search from 'lucide-static/icons/search.svg?raw';
import send from 'lucide-static/icons/send.svg?raw';
import settings from 'lucide-static/icons/settings.svg?raw';
import smartphone from 'lucide-static/icons/smartphone.svg?raw';
import stickyNote from 'lucide-static/icons/sticky-note.svg?raw';
import siren from 'lucide-static/icons/siren.svg?raw';
import tag from 'lucide-static/icons/tag.svg?raw';
import triangleAlert from 'lucide-static/icons/triangle-alert.svg?raw';
import unplug from 'lucide-static/icons/unplug.svg?raw';
import user from 'lucide-static/icons/user.svg?raw';
import x from 'lucide-static/icons/x.svg?raw';

const files = {
  'arrow-down': arrowDown,
  'arrow-left': arrowLeft,
  'arrow-left-right': arrowLeftRight,
  bot,
  check,
  'check-check': checkCheck,
  'circle-check': circleCheck,
  clock,
  coffee,
  'contact-round': contactRound,
  copy,
  download,
  ellipsis,
  eye,
  'eye-off': eyeOff,
  file,
  'file-text': fileText,
  flag,
  globe,
  image,
  keyboard,
  lock,
  mail,
  'map-pin': mapPin,
  'message-circle': messageCircle,
  moon,
  paperclip,
  pause,
  phone,
  play,
  plug,
  reply,
  'rotate-ccw': rotateCcw,
  search,
  send,
  settings,
  smartphone,
  'sticky-note': stickyNote,
  siren,
  tag,
  'triangle-alert': triangleAlert,
  unplug,
  user,
  x,
};

export type IconName = keyof typeof files;

function inner(svg: string): string {
  return svg.replace(/<!--.*?-->/su, '').replace(/^\s*<svg[^>]*>/su, '').replace(/<\/svg>\s*$/su, '').trim();
}

/** One hidden element that every icon points into. */
export function mountSprite(): void {
  const symbols = Object.entries(files).map(([name, svg]) => `<symbol id="i-${name}" viewBox="0 0 24 24">${inner(svg)}</symbol>`);
  const sprite = document.createElement('div');
  sprite.hidden = true;
  sprite.innerHTML = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`;
  document.body.append(sprite);
}
