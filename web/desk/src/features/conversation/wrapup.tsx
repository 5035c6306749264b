import { useRef, useState } from 'react';
import { useActs } from '../../api/acts';
import type { Work } from '../../api/types';
import { useText, type Key } from '../../i18n';
import { Icon } from '../../ui/icons';
import { usePref, writePref } from '../../ui/prefs';
import { Keycap, useShortcuts } from '../../ui/shortcuts';

const outcomes: { value: string; label: Key }[] = [
  { value: 'Solved', label: 'wrap.solved' },
  { value: 'Waiting', label: 'wrap.waiting' },
  { value: 'Not ours', label: 'wrap.notOurs' },
];

function Outcomes({ value, choose, invalid }: { value: string; choose: (value: string) => void; invalid: boolean }) {
  const { t } = useText();
  const group = useRef<HTMLDivElement>(null);
  const move = (by: number) => {
    const at = outcomes.findIndex((outcome) => outcome.value === value);
    const next = (Math.max(0, at) + by + outcomes.length) % outcomes.length;
    choose(outcomes[next]!.value);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div className="chips" role="radiogroup" aria-label={t('wrap.title')} aria-invalid={invalid || undefined} ref={group}>
      {outcomes.map((outcome, at) => (
        <button
          key={outcome.value}
          type="button"
          role="radio"
          className="chip"
          aria-checked={outcome.value === value}
          tabIndex={outcome.value === value || (!value && at === 0) ? 0 : -1}
          onClick={() => choose(outcome.value)}
          onKeyDown={(event) => {
            if (event.key === 'ArrowRight' || event.key === 'ArrowDown') { event.preventDefault(); move(1); }
            if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') { event.preventDefault(); move(-1); }
          }}
        >
          {outcome.value === value && <Icon name="check" size="xs" />}{t(outcome.label)}
        </button>
      ))}
    </div>
  );
}

/** The end of the work: an outcome, notes, Complete. What is chosen survives a reload. */
export function WrapUp({ item, onDone }: { item: Work; onDone: () => void }) {
  const { t } = useText();
  const { complete } = useActs();
  const { sid } = item.task;
  const [outcome, choose] = usePref(`outcome.${sid}`, '');
  const [notes, note] = usePref(`notes.${sid}`, '');
  const [busy, setBusy] = useState(false);
  const [missing, setMissing] = useState(false);
  const finish = async () => {
    if (!outcome) return setMissing(true);
    setBusy(true);
    const done = await complete(item, { outcome, notes });
    setBusy(false);
    if (!done) return undefined;
    writePref(`outcome.${sid}`, null);
    writePref(`notes.${sid}`, null);
    return onDone();
  };
  useShortcuts({ end: () => void finish() });
  return (
    <form className="wrapup" aria-label={t('inbox.wrapup')} onSubmit={(event) => { event.preventDefault(); void finish(); }}>
      <div className="row wrap">
        <h2 className="title">{t('wrap.title')}</h2>
        {missing && !outcome && <span className="error-line" role="alert"><Icon name="alert" size="xs" />{t('wrap.need')}</span>}
      </div>
      <Outcomes value={outcome} choose={choose} invalid={missing && !outcome} />
      <textarea className="input" rows={2} dir="auto" aria-label={t('wrap.notes')} placeholder={t('wrap.notesPlaceholder')} value={notes} onChange={(event) => note(event.target.value)} />
      <div className="row">
        <span className="t12 c3">{notes || outcome ? t('chat.kept') : ''}</span>
        <button type="submit" className="btn primary push" disabled={busy}>{t('wrap.complete')} <Keycap id="end" /></button>
      </div>
    </form>
  );
}
