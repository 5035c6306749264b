/** The two questions around saving: what has changed, and whose revision counts. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '../../../api/keys';
import { revisionOf, revisionsOf, type FlowDetail } from '../../../api/studio';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { readDefinition, type Definition } from './definition';
import { Dialog } from './dialog';
import { diff } from './diff';

interface Props {
  sid: string;
  name: string;
  definition: Definition;
  mistakes: number;
  pending: boolean;
  onPublish: (message: string) => void;
  onClose: () => void;
}

/** The newest published revision before this one; null when there is none. */
function usePublished(sid: string) {
  return useQuery({
    queryKey: [...keys.studioRevisions(sid), 'published'], staleTime: 0,
    queryFn: async () => {
      const newest = (await revisionsOf(sid)).find((each) => each.status === 'published');
      return newest ? revisionOf(sid, newest.revision) : null;
    },
  });
}

function Summary({ sid, definition }: Pick<Props, 'sid' | 'definition'>) {
  const { t } = useFlowText();
  const published = usePublished(sid);
  if (published.data === undefined) return <p className="words">{'\u00a0'}</p>;
  const before = published.data && readDefinition(published.data.definition);
  if (!published.data || !before) return <p className="words">{t('publish.first')}</p>;
  const { widgets, flow } = diff(before, definition);
  const n = (kind: string) => widgets.filter((each) => each.kind === kind).length;
  if (widgets.length === 0 && flow.length === 0) return <p className="words">{t('publish.same', { n: published.data.revision })}</p>;
  return <p className="words"><b>{t('publish.summary', { n: published.data.revision })}</b> {t('diff.summary', { added: n('added'), removed: n('removed'), changed: n('changed') })}</p>;
}

export function PublishDialog({ opened, ...props }: Props & { opened: boolean }) {
  const { t } = useFlowText();
  return (
    <Dialog opened={opened} title={t('publish.title', { name: props.name })} onClose={props.onClose}>
      {opened && <PublishForm {...props} />}
    </Dialog>
  );
}

function PublishForm({ sid, definition, mistakes, pending, onPublish, onClose }: Props) {
  const { t, plural } = useFlowText();
  const [message, setMessage] = useState('');
  return (
    <form onSubmit={(event) => { event.preventDefault(); onPublish(message.trim()); }}>
      <div className="field">
        <label htmlFor="publish-message">{t('publish.message')}</label>
        <textarea id="publish-message" className="input" data-autofocus rows={3} maxLength={1024} dir="auto" aria-describedby="publish-help" value={message} onChange={({ target }) => setMessage(target.value)} />
        <p className="help" id="publish-help">{t('publish.messageHelp')}</p>
      </div>
      <Summary sid={sid} definition={definition} />
      {mistakes > 0 ? <p className="error-line"><Icon name="alert" size="xs" />{plural('publish.mistakes', mistakes)}</p> : <p className="help">{t('publish.effect')}</p>}
      <div className="dialog-foot">
        <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
        <button type="submit" className="btn primary" disabled={pending || mistakes > 0}>{t(pending ? 'publish.going' : 'publish.go')}</button>
      </div>
    </form>
  );
}

interface ConflictProps {
  theirs?: FlowDetail;
  mine: number;
  onOverwrite: () => void;
  onTheirs: () => void;
  onClose: () => void;
}

export function ConflictDialog({ theirs, mine, onOverwrite, onTheirs, onClose }: ConflictProps) {
  const { t } = useFlowText();
  return (
    <Dialog opened={Boolean(theirs)} title={t('conflict.title')} onClose={onClose}>
      <p className="c2">{t('conflict.text', { theirs: theirs?.revision ?? '', mine })}</p>
      <div className="dialog-foot">
        <button type="button" className="btn quiet danger" onClick={onTheirs}>{t('conflict.theirs')}</button>
        <span className="push row">
          <button type="button" className="btn" onClick={onOverwrite}>{t('conflict.overwrite')}</button>
          <button type="button" className="btn primary" data-autofocus onClick={onClose}>{t('conflict.cancel')}</button>
        </span>
      </div>
    </Dialog>
  );
}
