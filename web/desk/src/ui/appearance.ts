/** Colour scheme and density, as attributes of <html> that the stylesheets read. */
import { useEffect } from 'react';
import { usePref, writePref } from './prefs';

const root = () => document.documentElement;
const system = () => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

export type SchemeChoice = 'system' | 'light' | 'dark';

/** The chosen scheme and the one in force. */
export function useScheme() {
  const [choice] = usePref('scheme', 'system');
  const scheme = choice === 'light' || choice === 'dark' ? choice : system();
  useEffect(() => {
    const apply = () => root().setAttribute('data-mantine-color-scheme', choice === 'light' || choice === 'dark' ? choice : system());
    apply();
    const media = matchMedia('(prefers-color-scheme: dark)');
    media.addEventListener('change', apply);
    return () => media.removeEventListener('change', apply);
  }, [choice]);
  /** Switches between light and dark; choosing what the system has follows the system again. */
  const toggle = () => {
    const next = root().getAttribute('data-mantine-color-scheme') === 'dark' ? 'light' : 'dark';
    writePref('scheme', next === system() ? null : next);
  };
  return { scheme, toggle };
}

export function useDensity() {
  const [density, set] = usePref('density', 'comfortable');
  useEffect(() => {
    if (density === 'compact') root().setAttribute('data-density', 'compact');
    else root().removeAttribute('data-density');
  }, [density]);
  return { compact: density === 'compact', toggle: () => set(density === 'compact' ? 'comfortable' : 'compact') };
}
