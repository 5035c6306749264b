import { useState } from 'react';
import { useActs } from '../../api/acts';
import { useLive } from '../../api/live';
import { channelOf, customerName, useConversation } from '../../api/queries';
import type { Conversation as Loaded } from '../../api/reduce';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { Banner } from '../../ui/banner';
import { Icon } from '../../ui/icons';
import { Keycap } from '../../ui/shortcuts';
import { ErrorState, useSlow } from '../../ui/states';
import { Composer } from './composer';
import { ChatHeader } from './header';
import { Log } from './log';
import { WrapUp } from './wrapup';

function Skeleton() {
  const { t } = useText();
  return (
    <div className="log-skeleton" role="status">
      <span className="vh">{t('state.loading')}</span>
      <span className="sk w48" /><span className="sk w20" /><span className="sk w48 end" /><span className="sk w48" />
    </div>
  );
}

function Pending({ item }: { item: Work }) {
  const { t } = useText();
  const { accept, reject, busy } = useActs();
  const words = item.task.attributes.initialText;
  const locked = busy.has(item.reservation.sid);
  return (
    <div className="center-note">
      <h2>{t('chat.pendingTitle', { name: customerName(item) || t('inbox.noName') })}</h2>
      <p className="c2" dir="auto">{typeof words === 'string' && words ? words : t('chat.pendingText')}</p>
      <div className="row">
        <button type="button" className="btn primary lg" disabled={locked} onClick={() => void accept(item)}>{t('inbox.accept')} <Keycap id="accept" /></button>
        <button type="button" className="btn lg" disabled={locked} onClick={() => void reject(item)}>{t('inbox.reject')} <Keycap id="reject" /></button>
      </div>
    </div>
  );
}

function Middle({ item, channel, jump }: { item: Work; channel: string | undefined; jump?: { index: number } }) {
  const { t } = useText();
  const { client } = useLive();
  const { conversation, fault } = useConversation(channel);
  const slow = useSlow(!conversation);
  if (!channel) {
    return <div className="center-note"><h2>{t('chat.notChat')}</h2><p className="c2">{t('chat.notChatText')}</p></div>;
  }
  if (conversation) {
    return conversation.messages.length + conversation.outgoing.length > 0
      ? <Log key={channel} item={item} conversation={conversation} jump={jump} />
      : <div className="center-note"><h2>{t('chat.noneYet')}</h2><p className="c2">{t('chat.noneYetText')}</p></div>;
  }
  if (fault) {
    return <div className="center-note"><ErrorState title={t('chat.failed')} error={fault} retry={() => (client ? location.reload() : undefined)} /></div>;
  }
  return slow ? <Skeleton /> : <div className="log-wrap" />;
}

/** True when the visitor or the janitor has closed the channel: nothing more can be sent. */
const closed = (conversation: Loaded | undefined) => conversation?.channel.attributes.status === 'INACTIVE';

interface Props {
  item: Work;
  panel: boolean;
  togglePanel: () => void;
  jump?: { index: number };
  onDone: () => void;
}

/** One chat from its header to its composer. */
export function Conversation({ item, panel, togglePanel, jump, onDone }: Props) {
  const { t } = useText();
  const { ending, end } = useActs();
  const [tried, setTried] = useState(false);
  const channel = channelOf(item);
  const { conversation } = useConversation(channel);
  const status = item.reservation.reservation_status;
  const wrapping = status === 'wrapping' || ending.has(item.task.sid);
  const shut = closed(conversation);
  const finish = () => {
    setTried(true);
    end(item);
  };
  return (
    <>
      <ChatHeader item={item} ended={wrapping} panel={panel} togglePanel={togglePanel} />
      <Banner queuedIn={channel} />
      {status === 'pending' ? <Pending item={item} /> : <Middle item={item} channel={channel} jump={jump} />}
      {status !== 'pending' && wrapping && <WrapUp key={item.task.sid} item={item} onDone={onDone} />}
      {status === 'accepted' && !wrapping && (shut || !channel) && (
        <div className="done-bar">
          <Icon name="info" size="s" />{shut ? t('chat.customerLeft') : t('chat.notChat')}
          <button type="button" className="btn primary" disabled={tried && wrapping} onClick={finish}>{t('chat.end')} <Keycap id="end" /></button>
        </div>
      )}
      {status === 'accepted' && !wrapping && !shut && channel && <Composer key={channel} channel={channel} sms={conversation?.channel.attributes.channel_type === 'sms'} />}
    </>
  );
}
