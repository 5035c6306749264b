// Drawings that only parts about files need.

const lines = {
  clip: 'm14.7 9.4-5.3 5.3a3.2 3.2 0 0 1-4.6-4.6l6-6a2.2 2.2 0 0 1 3.1 3.1l-5.9 5.9a1.1 1.1 0 0 1-1.6-1.6l5.3-5.3',
  file: 'M5.5 4.25C5.5 3.55 6.05 3 6.75 3h4.75L15 6.5v9.25c0 .7-.55 1.25-1.25 1.25h-7c-.7 0-1.25-.55-1.25-1.25zM11.25 3.25V7H15',
};

export function Drawing({ name, of = '' }: { name: keyof typeof lines; of?: string }) {
  return (
    <svg class={'i ' + of} viewBox="0 0 20 20" aria-hidden="true">
      <path d={lines[name]} />
    </svg>
  );
}
