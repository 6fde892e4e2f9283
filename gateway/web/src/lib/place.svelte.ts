// Where the address says that we are, beside threads: `#/admin/users/amal` is ['admin', 'users', 'amal'].
class Place {
  /** Empty: at the desk. */
  path = $state.raw<readonly string[]>([]);

  /** After every change of the address (app.follow). */
  read(): void {
    const found = /^#\/(.+)$/u.exec(location.hash);
    const path = found?.[1]?.split('/').map(unescaped) ?? [];
    if (path.join('/') !== this.path.join('/')) this.path = path;
  }
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const place = new Place();

/** The address of a page: at('admin', 'users'). */
export function at(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join('/')}`;
}
