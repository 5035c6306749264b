import { Modal } from '@mantine/core';
import { useId, useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { customerName, useWork } from '../api/queries';
import { signOut } from '../api/signin';
import { useStatus } from '../features/inbox';
import { useText } from '../i18n';
import { Icon, type IconName } from '../ui/icons';
import { handlerOf, keysOf, printKeys, shortcuts, type Shortcut, type ShortcutId } from '../ui/shortcuts';

interface Command {
  id: string;
  section: string;
  icon: IconName;
  text: string;
  keys?: string;
  run: () => void;
}

/** Everything that could be done right now: chats, what shortcuts do here, statuses, places. */
function useCommands(opened: boolean): Command[] {
  const { t } = useText();
  const navigate = useNavigate();
  const work = useWork().data;
  const { choices, change, worker } = useStatus();
  return useMemo(() => {
    if (!opened) return [];
    const acts = (shortcuts as readonly Shortcut[]).filter((each) => !each.local && !each.keyOnly).flatMap((each): Command[] => {
      const run = handlerOf(each.id as ShortcutId);
      return run ? [{ id: each.id, section: t('palette.do'), icon: 'play', text: t(each.label), keys: keysOf(each.id as ShortcutId)[0], run }] : [];
    });
    const chats = (work ?? []).map((item): Command => ({
      id: item.task.sid, section: t('palette.chats'), icon: 'web', text: t('palette.open', { name: customerName(item) || t('inbox.noName') }), run: () => void navigate(`/chat/${item.task.sid}`),
    }));
    const statuses = choices.filter((activity) => activity.sid !== worker?.activity_sid).map((activity): Command => ({
      id: activity.sid, section: t('palette.status'), icon: 'cup', text: t('palette.become', { status: activity.friendly_name }), run: () => change(activity),
    }));
    const out: Command = { id: 'out', section: t('palette.go'), icon: 'leave', text: t('palette.signOut'), run: () => void signOut() };
    return [...chats, ...acts, ...statuses, out];
  }, [change, choices, navigate, opened, t, work, worker?.activity_sid]);
}

const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** Commands whose words all occur; those that begin with the text come first. */
export function filterCommands<T extends { text: string }>(commands: T[], query: string): T[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  const hits = commands.filter((command) => words.every((word) => fold(command.text).includes(word)));
  const starts = (command: T) => fold(command.text).startsWith(words[0] ?? '');
  return [...hits.filter(starts), ...hits.filter((command) => !starts(command))];
}

function Body({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const id = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const all = useCommands(true);
  const hits = query ? filterCommands(all, query) : all;
  const current = Math.min(at, hits.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    // After the dialog has given the focus back, so that the command may move it.
    setTimeout(command.run, 0);
  };
  const move = (to: number) => {
    setAt(to);
    document.getElementById(`${id}-${to}`)?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <>
      <div className="pal-in">
        <Icon name="search" size="s" className="c3" />
        <input
          data-autofocus role="combobox" aria-expanded="true" aria-controls={id} aria-activedescendant={hits.length ? `${id}-${current}` : undefined}
          aria-label={t('palette.placeholder')} placeholder={t('palette.placeholder')} value={query} autoComplete="off" spellCheck={false}
          onChange={(event) => { setQuery(event.target.value); setAt(0); }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') { event.preventDefault(); move((current + 1) % hits.length); }
            if (event.key === 'ArrowUp') { event.preventDefault(); move((current - 1 + hits.length) % hits.length); }
            if (event.key === 'Enter' && !event.nativeEvent.isComposing) { event.preventDefault(); run(hits[current]); }
          }}
        />
        <kbd aria-hidden="true">Esc</kbd>
      </div>
      {hits.length === 0 && <p className="pal-none" role="status">{t('palette.none', { text: query })}</p>}
      <div className="pal-list" role="listbox" id={id} aria-label={t('palette.label')}>
        {hits.map((command, index) => (
          <div key={command.id} role="presentation">
            {!query && command.section !== hits[index - 1]?.section && <div className="pal-sec" role="presentation">{command.section}</div>}
            <div className="mi" role="option" id={`${id}-${index}`} aria-selected={index === current} onPointerMove={() => setAt(index)} onClick={() => run(command)}>
              <Icon name={command.icon} size="s" className="c2" /><span className="grow ell">{command.text}</span>
              {command.keys && <kbd aria-hidden="true">{printKeys(command.keys).join(' ')}</kbd>}
            </div>
          </div>
        ))}
      </div>
    </>
  );
}

/** ⌘K: one list for everything. */
export function Palette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useText();
  return (
    <Modal.Root opened={opened} onClose={onClose} size={560} yOffset="12vh" radius={12} classNames={{ content: 'dialog', overlay: 'scrim' }}>
      <Modal.Overlay />
      <Modal.Content aria-label={t('palette.label')}><Body onClose={onClose} /></Modal.Content>
    </Modal.Root>
  );
}
