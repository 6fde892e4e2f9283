// The arithmetic of long lists: where each item lies when some heights are measured and the rest are estimated. Pure.

export interface Layout {
  /** offsets[i] is where item i begins; one more for the end of the last. */
  readonly offsets: Float64Array;
  readonly total: number;
}

export function layout(heights: readonly number[]): Layout {
  const offsets = new Float64Array(heights.length + 1);
  let at = 0;
  for (let index = 0; index < heights.length; index += 1) {
    offsets[index] = at;
    at += heights[index] ?? 0;
  }
  offsets[heights.length] = at;
  return { offsets, total: at };
}

/** The item at a distance from the top. */
export function indexAt(of: Layout, y: number): number {
  let low = 0;
  let high = of.offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((of.offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The items to draw for a window, with some beyond its edges. */
export function range(of: Layout, top: number, height: number, beyond: number): { from: number; to: number } {
  const count = of.offsets.length - 1;
  if (count <= 0) return { from: 0, to: 0 };
  const from = indexAt(of, Math.max(0, top - beyond));
  const to = Math.min(count, indexAt(of, top + height + beyond) + 1);
  return { from, to };
}

export interface Anchor {
  key: string;
  /** How far the window's top lies below the item's top. */
  offset: number;
}

/**
 * The first item in sight, to be kept where it is when what is above changes. `lasts` tells which items stay: a day's
 * heading, for one, goes when earlier entries of that day come above it.
 */
export function anchorAt(keys: readonly string[], of: Layout, top: number, lasts: (key: string) => boolean = () => true): Anchor | null {
  if (keys.length === 0) return null;
  let index = indexAt(of, top);
  while (index < keys.length - 1 && !lasts(keys[index] ?? '')) index += 1;
  return { key: keys[index] ?? '', offset: top - (of.offsets[index] ?? 0) };
}
