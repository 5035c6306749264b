import './shop.css';

// The shop embeds the widget with the one line any page would have; only the flow comes from this page's own address.
const script = document.createElement('script');
script.src = new URL('../widget.js', location.href).href;
script.async = true;
const flow = new URLSearchParams(location.search).get('flow');
if (flow) script.dataset.flow = flow;
document.head.append(script);

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
