import { Modal } from '@mantine/core';
import { useState } from 'react';
import { useText, type Key } from '../i18n';
import { Icon } from '../ui/icons';
import { usePref } from '../ui/prefs';
import { chooseKeys, combination, keysOf, ownerOf, printKeys, shortcutOf, shortcuts, type Group, type Shortcut, type ShortcutId } from '../ui/shortcuts';
import { Switch } from '../ui/switch';

const groups: { id: Group; label: Key }[] = [
  { id: 'answer', label: 'keys.group.answer' },
  { id: 'chat', label: 'keys.group.chat' },
  { id: 'move', label: 'keys.group.move' },
  { id: 'desk', label: 'keys.group.desk' },
];

function Keys({ keys }: { keys: readonly string[] }) {
  return keys.map((one) => <span className="row g4" key={one}>{printKeys(one).map((key, at) => <kbd key={at}>{key}</kbd>)}</span>);
}

/** One act and its keys; a click asks for other ones. */
function Line({ shortcut, recording, record }: { shortcut: Shortcut; recording: boolean; record: (id: ShortcutId | undefined) => void }) {
  const { t } = useText();
  const id = shortcut.id as ShortcutId;
  usePref(`keys.${id}`, '');
  const [problem, setProblem] = useState<string>();
  const what = t(shortcut.label);
  if (shortcut.local) return <div className="sheet-line"><dt>{what}</dt><dd><Keys keys={shortcut.keys} /></dd></div>;
  return (
    <div className="sheet-line">
      <dt>{what}{recording && problem && <span className="error-line" role="alert">{problem}</span>}</dt>
      <dd>
        <button
          type="button" className="keys-change" aria-pressed={recording}
          onClick={() => { setProblem(undefined); record(recording ? undefined : id); }}
          onBlur={() => recording && record(undefined)}
          onKeyDown={(event) => {
            if (!recording || event.key === 'Tab') return;
            if (/^(Shift|Control|Alt|Meta)$/.test(event.key)) return;
            event.preventDefault();
            event.stopPropagation();
            if (event.key === 'Escape') return record(undefined);
            const keys = combination(event.nativeEvent);
            const owner = keys && ownerOf(keys);
            if (!keys) return setProblem(t('keys.browser'));
            if (owner && owner !== id) return setProblem(t('keys.taken', { keys: printKeys(keys).join(' '), what: t(shortcutOf(owner).label) }));
            chooseKeys(id, shortcutOf(id).keys[0] === keys ? null : keys);
            return record(undefined);
          }}
        >
          <span className="vh">{t('keys.change', { what })}</span>
          {recording ? <span className="t12 acc">{t('keys.press')}</span> : <Keys keys={keysOf(id)} />}
        </button>
      </dd>
    </div>
  );
}

/** All shortcuts, from the one table; any of them can be given other keys. */
export function ShortcutSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useText();
  const [single, setSingle] = usePref('single-keys', 'on');
  const [recording, record] = useState<ShortcutId>();
  return (
    <Modal.Root opened={opened} onClose={onClose} size={720} centered radius={12} closeOnEscape={!recording} classNames={{ content: 'dialog', overlay: 'scrim' }}>
      <Modal.Overlay />
      <Modal.Content aria-label={t('keys.title')}>
        <div className="sheet-head"><h2>{t('keys.title')}</h2><button type="button" className="ib push" data-autofocus aria-label={t('state.close')} onClick={onClose}><Icon name="close" /></button></div>
        <div className="sheet-grid" tabIndex={0} role="group" aria-label={t('keys.title')}>
          {groups.map((group) => (
            <section key={group.id}>
              <h3>{t(group.label)}</h3>
              <dl>
                {(shortcuts as readonly Shortcut[]).filter((shortcut) => shortcut.group === group.id).map((shortcut) => (
                  <Line key={shortcut.id} shortcut={shortcut} recording={recording === shortcut.id} record={record} />
                ))}
              </dl>
            </section>
          ))}
        </div>
        <div className="sheet-foot">
          <span className="grow"><span className="m" id="single-keys">{t('keys.single')}</span><span className="help">{t('keys.singleHelp')}</span></span>
          <Switch on={single === 'on'} labelledBy="single-keys" onChange={(on) => setSingle(on ? 'on' : 'off')} />
          <button type="button" className="btn" onClick={() => shortcuts.forEach((shortcut) => chooseKeys(shortcut.id, null))}>{t('keys.reset')}</button>
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}
