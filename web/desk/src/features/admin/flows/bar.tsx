/** The bar above the canvas: what this is, whether it is saved, what is wrong with it, and what can be done. */
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { FlowDetail } from '../../../api/studio';
import { useText } from '../../../i18n';
import { useFlowText } from '../../../i18n/flows';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { MenuButton, MenuItem } from '../../../ui/menu';
import { idsOf } from './definition';
import { exportFlow } from './file';
import { Glyph } from './glyphs';
import type { Problem } from './problems';
import type { useProblems } from './use-problems';
import type { Saving } from './use-saving';
import type { WorkOn } from './work';

interface Props {
  flow: FlowDetail;
  work: WorkOn;
  checks: ReturnType<typeof useProblems>;
  saving: Saving;
  trying: boolean;
  /** The revisions are shown instead of the canvas. */
  revisions: boolean;
  onJump: (problem: Problem) => void;
  onTry: () => void;
  onTidy: () => void;
  onSettings: () => void;
  onRevisions: () => void;
}

/** Saved when? Said anew every few seconds. */
function Saved({ work, pending }: { work: WorkOn; pending: boolean }) {
  const { t } = useFlowText();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  if (pending) return <span className="t12 c3 ed-saved">{t('ed.saving')}</span>;
  if (work.dirty) return <span className="t12 c-amber ed-saved">{t('ed.unsaved')}</span>;
  if (!work.savedAt) return null;
  const seconds = Math.max(0, Math.round((now - work.savedAt) / 1000));
  const ago = seconds < 5 ? t('ed.now') : seconds < 60 ? t('ed.seconds', { n: seconds }) : t('ed.minutes', { n: Math.floor(seconds / 60) });
  return <span className="t12 c3 ed-saved">{t('ed.saved', { ago })}</span>;
}

function Problems({ checks, work, onJump }: Pick<Props, 'checks' | 'work' | 'onJump'>) {
  const { t, plural } = useFlowText();
  const desk = useText();
  const { mistakes, warnings, problems } = checks;
  const states = work.doc.definition.states;
  const ids = idsOf(work.doc.definition);
  const nameOf = (id: string | undefined) => (id === undefined ? t('ed.aboutFlow') : states[ids.indexOf(id)]?.name || '—');
  if (checks.error !== undefined) return <span className="t12 c-amber ed-saved" role="status">{t('ed.checkFailed', { why: explain(checks.error, desk) })}</span>;
  if (problems.length === 0) return <span className="t12 c3 ed-saved row g4" role="status">{checks.checking ? t('ed.checking') : <><Icon name="check" size="xs" className="c-green" />{t('ed.none')}</>}</span>;
  const words = mistakes > 0 ? plural('ed.mistakes', mistakes) : plural('ed.warnings', warnings);
  return (
    <MenuButton
      label={t('ed.problems')} className="at-end problems"
      button={(menu) => <button type="button" className={`btn quiet ${mistakes > 0 ? 'c-red' : 'c-amber'}`} {...menu}><Glyph name="warning" size="s" />{words}</button>}
    >
      {problems.map((problem, at) => (
        <MenuItem key={at} onSelect={() => onJump(problem)}>
          <Glyph name="warning" size="s" className={problem.severity === 'mistake' ? 'c-red' : 'c-amber'} />
          <span className="grow"><b className="m">{nameOf(problem.id)}</b> <span className="vh">{t(`ed.${problem.severity}`)}</span> <span className="c2">{problem.message}</span></span>
        </MenuItem>
      ))}
    </MenuButton>
  );
}

export function EditorBar({ flow, work, checks, saving, trying, onJump, onTry, onTidy, onSettings, onRevisions, revisions }: Props) {
  const { t } = useFlowText();
  const { doc, dirty, base, status } = work;
  const navigate = useNavigate();
  return (
    <header className="bar ed-bar">
      <Link className="ib" to="/admin/flows" aria-label={t('ed.back')}><Icon name="back" /></Link>
      <div className="row ed-name">
        <Link className="c3 hide-narrow" to="/admin/flows" tabIndex={-1} aria-hidden="true">{t('list.title')}</Link><span className="c3 hide-narrow" aria-hidden="true">/</span>
        <h1 className="title ell">{doc.name || flow.friendly_name}</h1>
        <span className="tag">{t(status === 'published' ? 'ed.published' : 'ed.draft', { n: base })}</span>
      </div>
      <div className="push row ed-acts">
        <Saved work={work} pending={saving.pending} />
        <Problems checks={checks} work={work} onJump={onJump} />
        <button type="button" className="ib" aria-label={t('ed.undo')} disabled={!work.canUndo} onClick={work.undo}><Glyph name="undo" /></button>
        <button type="button" className="ib" aria-label={t('ed.redo')} disabled={!work.canRedo} onClick={work.redo}><Glyph name="redo" /></button>
        <button type="button" className="btn" aria-pressed={trying} onClick={onTry}><Glyph name="flask" size="s" />{t('ed.try')}</button>
        <button type="button" className="btn only-wide" aria-pressed={revisions} onClick={onRevisions}>{t('ed.revisions')}</button>
        <button type="button" className="btn" disabled={saving.pending || !dirty || !doc.name.trim()} onClick={() => saving.save({ status: 'draft' })}>{t('ed.save')}</button>
        <button type="button" className="btn primary" disabled={saving.pending || !doc.name.trim()} onClick={saving.publish}>{t('ed.publish')}</button>
        <MenuButton
          label={t('ed.more')} className="at-end"
          button={(menu) => <button type="button" className="ib" aria-label={t('ed.more')} {...menu}><Glyph name="more" /></button>}
        >
          <MenuItem onSelect={onRevisions}>{t('ed.revisions')}</MenuItem>
          <MenuItem onSelect={() => void navigate(`/admin/flows/${flow.sid}/executions`)}>{t('ed.executions')}</MenuItem>
          <MenuItem onSelect={onSettings}>{t('ed.settings')}</MenuItem>
          <MenuItem onSelect={onTidy}>{t('ed.tidy')}</MenuItem>
          <MenuItem onSelect={() => exportFlow(doc.name, doc.definition)}>{t('ed.export')}</MenuItem>
        </MenuButton>
      </div>
    </header>
  );
}
