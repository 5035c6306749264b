/**
 * The design tokens and the Mantine theme made of them.
 *
 * Everything visual starts here. The build turns this file into one static stylesheet (see `themeStyles` in
 * vite.config.ts), so that no `<style>` element is created at run time and `style-src 'self'` holds.
 */
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

type Scheme = Record<string, string>;

const light: Scheme = {
  bg: '#F5F5F2', surface: '#FFFFFF', raised: '#FAFAF8', hover: '#EFEFEB', active: '#E8E8E3',
  line: '#E5E4DF', 'line-2': '#D5D4CE', control: '#8D8B84',
  text: '#1D1C1A', 'text-2': '#55534D', 'text-3': '#66645D',
  accent: '#0B6974', 'accent-hover': '#095963', 'accent-soft': '#DCEEEF', 'accent-line': '#9CCBD0', 'on-accent': '#FFFFFF',
  green: '#2C6636', 'green-soft': '#E4F0E4', 'green-dot': '#4C9A58',
  amber: '#7A4D00', 'amber-soft': '#FAEFD8', 'amber-dot': '#B87714', 'amber-line': '#E3C88F',
  red: '#A92B21', 'red-soft': '#FAE8E5', 'red-dot': '#D04A3E', 'red-line': '#E6B1AA',
  'bubble-in': '#F1F1ED', 'bubble-out': '#DCEEEF', 'bubble-me': '#0B6974', 'on-me': '#FFFFFF',
  a1: '#E3E8DD', a2: '#DFE7EA', a3: '#EEE2DC', a4: '#E7E1EA', a5: '#EDE7D3', at: '#4A4842',
  scrim: 'rgb(29 28 26 / .28)', menu: '#FFFFFF', knob: '#FFFFFF',
  'shadow-pop': '0 0 0 1px rgb(29 28 26 / .06), 0 4px 8px rgb(29 28 26 / .05), 0 16px 40px rgb(29 28 26 / .14)',
};

const dark: Scheme = {
  bg: '#131312', surface: '#1A1A18', raised: '#20201E', hover: '#282825', active: '#31302D',
  line: '#2B2A28', 'line-2': '#3E3D39', control: '#77746C',
  text: '#EDECE8', 'text-2': '#B8B5AD', 'text-3': '#9C998F',
  accent: '#62C4CC', 'accent-hover': '#7FD2D9', 'accent-soft': '#17363A', 'accent-line': '#2E666D', 'on-accent': '#062528',
  green: '#8FCB96', 'green-soft': '#1C2E1F', 'green-dot': '#5FAE6B',
  amber: '#E3B565', 'amber-soft': '#2E2613', 'amber-dot': '#D39A3A', 'amber-line': '#5E4A1E',
  red: '#F09C90', 'red-soft': '#3A201C', 'red-dot': '#DE6A5D', 'red-line': '#6B352E',
  'bubble-in': '#272724', 'bubble-out': '#17363A', 'bubble-me': '#1C5860', 'on-me': '#EFF8F8',
  a1: '#313A2C', a2: '#28363B', a3: '#3D2F28', a4: '#362F3A', a5: '#3A351F', at: '#D3D0C8',
  scrim: 'rgb(0 0 0 / .5)', menu: '#20201E', knob: '#062528',
  'shadow-pop': '0 0 0 1px rgb(255 255 255 / .08), 0 4px 8px rgb(0 0 0 / .24), 0 12px 32px rgb(0 0 0 / .4)',
};

/** Colours per scheme, by token name. */
export const tokens = { light, dark };

const font =
  'Inter, "Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", "Noto Sans Arabic", sans-serif';
const mono = 'ui-monospace, "SF Mono", "JetBrains Mono", "Cascadia Mono", "Liberation Mono", monospace';

const shared: Scheme = {
  font, mono,
  'fs-12': '12px', 'fs-13': '13px', 'fs-14': '14px', 'fs-16': '16px', 'fs-20': '20px',
  'r-sm': '6px', r: '8px', 'r-lg': '12px', 'r-bubble': '14px', 'r-full': '999px',
  bar: '56px', rail: '56px', list: '312px', side: '320px',
  ease: 'cubic-bezier(.2, .7, .3, 1)', 't-fast': '120ms', t: '180ms', 't-slow': '260ms',
};

const petrol: MantineColorsTuple = [
  '#EDF6F7', '#DCEEEF', '#9CCBD0', '#62C4CC', '#4AACB5', '#2E8E98', '#1A7B86', '#0B6974', '#095963', '#07464E',
];
const gray: MantineColorsTuple = [
  '#FAFAF8', '#F5F5F2', '#EFEFEB', '#E5E4DF', '#D5D4CE', '#B3B1AA', '#8D8B84', '#66645D', '#55534D', '#1D1C1A',
];
const darkTuple: MantineColorsTuple = [
  '#EDECE8', '#B8B5AD', '#9C998F', '#77746C', '#3E3D39', '#31302D', '#282825', '#1A1A18', '#171715', '#131312',
];

const instant = { transitionProps: { duration: 180, exitDuration: 120, transition: 'fade' as const } };

/** The Mantine side of the tokens; component defaults keep Mantine from adding `<style>` elements. */
export const theme = createTheme({
  colors: { petrol, gray, dark: darkTuple },
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 3 },
  autoContrast: true,
  respectReducedMotion: true,
  fontFamily: font,
  fontFamilyMonospace: mono,
  defaultRadius: 8,
  focusRing: 'auto',
  cursorType: 'pointer',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '18px', md: '20px', lg: '24px', xl: '28px' },
  components: {
    ModalRoot: { defaultProps: { lockScroll: false, ...instant } },
  },
});

const list = (scheme: Scheme) => Object.fromEntries(Object.entries(scheme).map(([name, value]) => [`--${name}`, value]));

/** Tokens as CSS variables, and Mantine's own variables pointed at them. */
export const variables: CSSVariablesResolver = () => ({
  variables: {
    ...list(shared),
    '--mantine-color-body': 'var(--surface)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--text-3)',
    '--mantine-color-error': 'var(--red)',
    '--mantine-color-placeholder': 'var(--text-3)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-default': 'var(--surface)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-color': 'var(--text)',
    '--mantine-color-default-border': 'var(--control)',
    '--mantine-primary-color-filled': 'var(--accent)',
    '--mantine-primary-color-filled-hover': 'var(--accent-hover)',
    '--mantine-primary-color-contrast': 'var(--on-accent)',
  },
  light: { ...list(light), '--mantine-color-scheme': 'light' },
  dark: { ...list(dark), '--mantine-color-scheme': 'dark' },
});
