import './shop.css';

// The page embeds the widget with the one line in its head. An address with ?flow= asks for another Flex Flow.
const flow = new URLSearchParams(location.search).get('flow');
if (flow) {
  const boot = () => window.Usher?.boot({ flow });
  if (window.Usher) boot();
  else document.querySelector('script[src$="widget.js"]')!.addEventListener('load', boot);
}

// The crate counts: a small thing that works makes a shop believable.
const count = document.querySelector<HTMLElement>('[data-crate]')!;
const said = document.querySelector<HTMLElement>('[data-said]')!;
let things = 1;
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-add]'))
  button.addEventListener('click', () => {
    things += 1;
    count.textContent = String(things);
    said.textContent = `${button.dataset.add} is in your crate.`;
  });
