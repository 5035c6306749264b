import { Modal } from '@mantine/core';
import { useText, type Key } from '../i18n';
import { Icon } from '../ui/icons';
import { usePref } from '../ui/prefs';
import { printKeys, shortcuts, type Group, type Shortcut } from '../ui/shortcuts';
import { Switch } from '../ui/switch';

const groups: { id: Group; label: Key }[] = [
  { id: 'answer', label: 'keys.group.answer' },
  { id: 'chat', label: 'keys.group.chat' },
  { id: 'move', label: 'keys.group.move' },
  { id: 'desk', label: 'keys.group.desk' },
];

function Keys({ keys }: { keys: string }) {
  return printKeys(keys).map((key) => <kbd key={key}>{key}</kbd>);
}

/** All shortcuts, from the one table. */
export function ShortcutSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useText();
  const [single, setSingle] = usePref('single-keys', 'on');
  return (
    <Modal.Root opened={opened} onClose={onClose} size={640} centered radius={12} classNames={{ content: 'dialog', overlay: 'scrim' }}>
      <Modal.Overlay />
      <Modal.Content aria-label={t('keys.title')}>
        <div className="sheet-head"><h2>{t('keys.title')}</h2><button type="button" className="ib push" aria-label={t('state.close')} onClick={onClose}><Icon name="close" /></button></div>
        <div className="sheet-grid" tabIndex={0} role="group" aria-label={t('keys.title')}>
          {groups.map((group) => (
            <section key={group.id}>
              <h3>{t(group.label)}</h3>
              <dl>
                {(shortcuts as readonly Shortcut[]).filter((shortcut) => shortcut.group === group.id).map((shortcut) => (
                  <div className="sheet-line" key={shortcut.id}>
                    <dt>{t(shortcut.label)}</dt>
                    <dd>{shortcut.keys.map((keys) => <span className="row g4 alt" key={keys}><Keys keys={keys} /></span>)}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
        <div className="sheet-foot">
          <span className="grow"><span className="m" id="single-keys">{t('keys.single')}</span><span className="help">{t('keys.singleHelp')}</span></span>
          <Switch on={single === 'on'} labelledBy="single-keys" onChange={(on) => setSingle(on ? 'on' : 'off')} />
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}
