/** Arrow keys move between the buttons of a group, in rows of the given length. */
export function rove(e: KeyboardEvent, across: number) {
  const all = [...(e.currentTarget as HTMLElement).querySelectorAll('button')];
  const side = document.dir === 'rtl' ? -1 : 1;
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  const to = { ArrowDown: at + across, ArrowUp: at - across, ArrowRight: at + side, ArrowLeft: at - side, Home: 0, End: all.length - 1 }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  all[to]?.focus();
}
