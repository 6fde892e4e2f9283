// SPDX-License-Identifier: Apache-2.0
// The few helpers for the page's elements. Text only ever enters as text nodes.

type Child = Node | string | null;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const name of Object.keys(attributes)) e.setAttribute(name, attributes[name] as string);
  for (const c of children) if (c !== null) e.append(c);
  return e;
}

export function $<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** One of the symbols that the template holds. */
export function icon(name: string): SVGElement {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(ns, 'use');
  use.setAttribute('href', '#i-' + name);
  svg.appendChild(use);
  return svg;
}

export function show(e: HTMLElement, shown: boolean): void {
  e.hidden = !shown;
}

export function clear(e: Element): void {
  while (e.firstChild) e.removeChild(e.firstChild);
}

/** 128 random bits, for the refs of messages. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let s = '';
  bytes.forEach((b) => (s += (b < 16 ? '0' : '') + b.toString(16)));
  return s;
}
