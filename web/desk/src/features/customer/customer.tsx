import { useRef, useState } from 'react';
import { channelOf, customerName, customerOf, useConversation, seedOf } from '../../api/queries';
import type { Conversation } from '../../api/reduce';
import { beginOf, earlierSessions, sessionTitle } from '../../api/sessions';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { clockOrDate, duration, shortDate, shortSid } from '../../i18n/format';
import { Avatar } from '../../ui/avatar';
import { channelLabel } from '../../ui/channel-label';
import { Icon } from '../../ui/icons';
import { useToast } from '../../ui/toast';
import { contextFacts, customerBehind, firstReply, formFacts, fromFlow, type Fact } from './facts';

function Facts({ facts }: { facts: Fact[] }) {
  return <dl className="kv">{facts.map((fact) => <FactLine key={fact.label} {...fact} />)}</dl>;
}

const technical = /^(https?:\/\/|\/|\+?[\d\s()-]{6,}$)/;

function FactLine({ label, value }: Fact) {
  return <><dt>{label}</dt><dd>{technical.test(value) ? <bdi dir="ltr">{value}</bdi> : <span dir="auto">{value}</span>}</dd></>;
}

function Sid({ label, sid }: { label: string; sid: unknown }) {
  const { t } = useText();
  const toast = useToast();
  if (typeof sid !== 'string' || !sid) return null;
  const copy = () => void navigator.clipboard?.writeText(sid).then(() => toast({ text: t('state.copied'), seconds: 2 }));
  return (
    <>
      <dt>{label}</dt>
      <dd className="row g4"><bdi dir="ltr" className="mono" title={sid}>{shortSid(sid)}</bdi>
        <button type="button" className="ib xs" aria-label={t('customer.copy', { what: label })} onClick={copy}><Icon name="copy" size="s" /></button></dd>
    </>
  );
}

function Earlier({ item, conversation, onJump }: { item: Work; conversation: Conversation; onJump: (index: number) => void }) {
  const { t, plural, locale } = useText();
  const sessions = earlierSessions(conversation.messages, beginOf(item, conversation.messages)).reverse();
  return (
    <div className="blk">
      <h2 className="blk-h">{t('customer.earlier')}{sessions.length > 0 && <span className="n">{sessions.length}{conversation.whole ? '' : '+'}</span>}</h2>
      {sessions.length === 0 && <p className="t13 c3">{t('customer.noEarlier')}</p>}
      {sessions.map((session) => (
        <button type="button" key={session.index} className="hist" onClick={() => onJump(session.index)}>
          <span className="d">{shortDate(session.at, locale)}</span>
          <span className="grow">
            <span className="ell" dir="auto">{sessionTitle(session, conversation)}</span>
            <span className="t12 c3">{plural('customer.messages', session.messages.length)}</span>
          </span>
        </button>
      ))}
    </div>
  );
}

function CustomerTab({ item, conversation, onJump }: { item: Work; conversation?: Conversation; onJump: (index: number) => void }) {
  const { t, plural } = useText();
  const name = customerName(item) || t('inbox.noName');
  const form = formFacts(conversation, item);
  const context = contextFacts(item, form);
  const from = item.task.attributes.from;
  const behind = conversation && customerBehind(conversation);
  return (
    <>
      <div className="blk">
        <div className="row g12 who">
          <Avatar name={name} seed={seedOf(item)} size="s48" />
          <div className="grow"><div className="t16 sb" dir="auto">{name}</div><div className="t13 c3">{t(channelLabel(item.task.attributes.channelType))}</div></div>
        </div>
        <dl className="kv">
          {typeof from === 'string' && from && from !== name && <FactLine label={t('customer.writes')} value={from} />}
          <dt>{t('customer.identity')}</dt>
          <dd>{conversation && customerOf(conversation) ? <bdi dir="ltr" className="mono">{shortSid(customerOf(conversation)!.identity)}</bdi> : t('customer.unknown')}</dd>
          {conversation && (
            <><dt>{t('customer.read')}</dt><dd>{behind === undefined ? t('customer.readNone') : behind === 0 ? t('customer.readAll') : plural('customer.readSome', behind)}</dd></>
          )}
        </dl>
      </div>
      {form.length > 0 && <div className="blk"><h2 className="blk-h">{t('customer.form')}</h2><Facts facts={form} /></div>}
      {context.length > 0 && <div className="blk"><h2 className="blk-h">{t(fromFlow(item) ? 'customer.fromFlow' : 'customer.context')}</h2><Facts facts={context} /></div>}
      {conversation && <Earlier item={item} conversation={conversation} onJump={onJump} />}
    </>
  );
}

function TaskTab({ item, conversation }: { item: Work; conversation?: Conversation }) {
  const { t, locale } = useText();
  const { task, reservation } = item;
  const created = Date.parse(task.date_created);
  const reply = firstReply(conversation, created);
  return (
    <>
      <div className="blk">
        <h2 className="blk-h">{t('customer.facts')}</h2>
        <dl className="kv">
          {task.task_queue_friendly_name && <><dt>{t('customer.queue')}</dt><dd>{task.task_queue_friendly_name}</dd></>}
          {typeof task.workflow_friendly_name === 'string' && <><dt>{t('customer.workflow')}</dt><dd>{task.workflow_friendly_name}</dd></>}
          <dt>{t('customer.priority')}</dt><dd className="num">{task.priority}</dd>
          <dt>{t('customer.created')}</dt><dd className="num">{clockOrDate(created, Date.now(), locale)}</dd>
          <dt>{t('customer.firstReply')}</dt><dd className="num">{reply === undefined ? t('customer.noReply') : duration(reply)}</dd>
        </dl>
      </div>
      <div className="blk">
        <dl className="kv">
          <Sid label={t('customer.taskSid')} sid={task.sid} />
          <Sid label={t('customer.reservationSid')} sid={reservation.sid} />
          <Sid label={t('customer.channelSid')} sid={task.attributes.channelSid} />
          <Sid label={t('customer.flowSid')} sid={task.attributes.flexFlowSid} />
          <Sid label={t('customer.executionSid')} sid={task.attributes.executionSid} />
        </dl>
      </div>
      <div className="blk">
        <h2 className="blk-h">{t('customer.attributes')}</h2>
        <pre className="json mono" dir="ltr" tabIndex={0} aria-label={t('customer.attributes')}>{JSON.stringify(task.attributes, null, 2)}</pre>
      </div>
    </>
  );
}

type Tab = 'customer' | 'task';

/** Who the customer is, what they said before the chat, earlier conversations, and the facts of the task. */
export function Customer({ item, onClose, onJump }: { item: Work; onClose: () => void; onJump: (index: number) => void }) {
  const { t } = useText();
  const { conversation } = useConversation(channelOf(item));
  const [tab, setTab] = useState<Tab>('customer');
  const tabs = useRef<HTMLDivElement>(null);
  const one = (id: Tab) => (
    <button
      type="button" role="tab" id={`tab-${id}`} aria-selected={tab === id} aria-controls="side-panel" tabIndex={tab === id ? 0 : -1}
      onClick={() => setTab(id)}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
        setTab(id === 'customer' ? 'task' : 'customer');
        (tabs.current?.querySelector<HTMLElement>('[aria-selected="false"]'))?.focus();
      }}
    >{t(`customer.${id === 'customer' ? 'tab' : 'task'}`)}</button>
  );
  return (
    <section className="side" aria-label={t('customer.label')}>
      <header className="bar">
        <div className="tabs" role="tablist" ref={tabs}>{one('customer')}{one('task')}</div>
        <button type="button" className="ib push" aria-label={t('customer.hide')} onClick={onClose}><Icon name="close" /></button>
      </header>
      <div className="scroll" role="tabpanel" id="side-panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === 'customer' ? <CustomerTab item={item} conversation={conversation} onJump={onJump} /> : <TaskTab item={item} conversation={conversation} />}
      </div>
    </section>
  );
}
