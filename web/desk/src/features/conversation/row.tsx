import type { Client } from '../../../../stream/index.ts';
import { useText } from '../../i18n';
import { clock, daysAgo, longDate } from '../../i18n/format';
import { Icon } from '../../ui/icons';
import { MessageGroup } from './bubbles';
import type { Item } from './items';

/** One row of the log. */
export function LogRow({ item, client, fresh }: { item: Item; client: Client | null; fresh: boolean }) {
  const { t, rich, locale } = useText();
  const now = Date.now();
  switch (item.kind) {
    case 'begin':
      return <p className="sys">{t('chat.begin')}</p>;
    case 'day': {
      const date = longDate(item.at, now, locale);
      const ago = daysAgo(item.at, now);
      return <div className="div"><span>{ago === 0 ? t('chat.today', { date }) : ago === 1 ? t('chat.yesterday', { date }) : date}</span></div>;
    }
    case 'earlier':
      return <div className="div"><span className="row"><Icon name="earlier" size="xs" />{t('chat.earlier', { date: longDate(item.at, now, locale) })}</span></div>;
    case 'current':
      return <div className="div"><span>{t('chat.thisOne')}</span></div>;
    case 'new':
      return <div className="div new"><span>{t('chat.new')}</span></div>;
    case 'system': {
      const values = { name: item.name, time: clock(item.at, locale) };
      return <p className="sys"><Icon name="people" size="xs" /><span>{rich(item.what === 'accepted' ? 'chat.accepted' : 'chat.joined', values)}</span></p>;
    }
    case 'group':
      return <MessageGroup group={item} client={client} fresh={fresh} />;
  }
}
