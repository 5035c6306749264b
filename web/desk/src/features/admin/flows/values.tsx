import type { Json } from '../../../api/tryout';

/** A value as a person reads it: a text as it is, everything else as JSON. */
const show = (value: Json) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

const large = (value: Json) => typeof value === 'object' && value !== null;

/** What a context holds under one name: a line each. Nothing where there is nothing. */
export function Values({ title, values }: { title: string; values: Json | undefined }) {
  const entries = values && typeof values === 'object' && !Array.isArray(values) ? Object.entries(values) : [];
  if (entries.length === 0) return null;
  return (
    <section className="try-values" aria-label={title}>
      <p className="sb">{title}</p>
      <dl>
        {entries.map(([name, value]) => (
          <div key={name} className={large(value) ? 'wide' : undefined}><dt className="mono">{name}</dt><dd dir="auto" className={large(value) ? 'mono' : undefined}>{show(value)}</dd></div>
        ))}
      </dl>
    </section>
  );
}
