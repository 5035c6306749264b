// The whole style of what the loader draws. Every property of the host element is reset, so that the page's own rules
// do not reach in; nothing here reaches out, as it lives in a closed shadow root.
export const style =
  ':host{all:initial!important;position:fixed!important;z-index:99999999!important;bottom:calc(24px + env(safe-area-inset-bottom))!important;inset-inline-end:24px!important;color-scheme:light dark;--b:light-dark(#0b6974,#62c4cc);--f:light-dark(#fff,#062528);--s:light-dark(#fff,#1a1a18);--c:light dark}' +
  'button{all:unset;position:relative;width:56px;height:56px;border-radius:50%;display:grid;place-items:center;cursor:pointer;background:var(--b);color:var(--f);box-shadow:0 8px 24px #0003}' +
  ':focus-visible{outline:2px solid var(--b);outline-offset:2px}' +
  'svg{width:26px;height:26px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}' +
  'i{position:absolute;inset:-4px -4px auto auto;padding:0 8px;border-radius:16px;background:#a92b21;color:#fff;outline:2px solid var(--s);font:600 12px/22px system-ui}' +
  'i:empty{display:none}' +
  'div{position:absolute;bottom:72px;inset-inline-end:0;width:384px;height:min(708px,100vh - 120px);border-radius:16px;overflow:clip;background:var(--s);color-scheme:var(--c);box-shadow:0 0 0 1px #8882,0 16px 40px #0003;visibility:hidden;opacity:0;translate:0 12px;transition:opacity .17s,visibility .17s,translate .17s}' +
  '.o,.p{visibility:visible;opacity:1;translate:0;transition-duration:.26s}' +
  '.p{width:296px;height:var(--h);border-radius:16px 16px 4px}' +
  'iframe{border:0;width:100%;height:100%}' +
  '@media(max-width:480px),(max-height:480px){.o{position:fixed;inset:0;width:auto;height:auto;border-radius:0;padding:env(safe-area-inset-top)env(safe-area-inset-right)env(safe-area-inset-bottom)env(safe-area-inset-left)}.o+*{display:none}}' +
  '@media(prefers-reduced-motion:reduce){*{transition:none}}';
