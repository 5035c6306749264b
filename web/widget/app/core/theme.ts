// Light or dark, and the brand's tokens, on the root element. Set through the CSS object model: a strict CSP forbids
// style attributes in markup, not this.

export type Wish = 'light' | 'dark' | 'auto';
export type Scheme = 'light' | 'dark';

export interface Theme {
  /** Follows the system for anything but light and dark. */
  setWish(wish: string | undefined): void;
  setBrand(colour: string | undefined): void;
  /** Custom properties for the launcher on the host's page. */
  look(): string;
  onChange(fn: () => void): void;
}

export function openTheme(root: HTMLElement): Theme {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let wish: string | undefined;
  let brand: string | undefined;
  let changed: () => void = () => {};

  const scheme = (): Scheme => (wish === 'light' || wish === 'dark' ? wish : system.matches ? 'dark' : 'light');

  function paint() {
    root.dataset.theme = scheme();
    // The arithmetic of colours is only for those who have a colour of their own.
    if (brand) void import('./colour.ts').then(({ brandTokens }) => put(brandTokens(brand!, scheme())));
    else put();
  }

  function put(tokens: Record<string, string> = {}) {
    for (const name of [...root.style]) root.style.removeProperty(name);
    for (const name in tokens) root.style.setProperty('--' + name, tokens[name]!);
    changed();
  }

  system.addEventListener('change', paint);
  paint();
  return {
    setWish(to) {
      wish = to;
      paint();
    },
    setBrand(to) {
      if (to === brand) return;
      brand = to;
      paint();
    },
    look() {
      const style = getComputedStyle(root);
      const of = (name: string) => style.getPropertyValue('--' + name).trim();
      return `--b:${of('accent')};--f:${of('on-accent')};--s:${of('surface')};--c:${scheme()}`;
    },
    onChange(fn) {
      changed = fn;
    },
  };
}
