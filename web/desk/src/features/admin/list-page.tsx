import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { useText } from '../../i18n';
import type { IconName } from '../../ui/icons';
import { EmptyState, ErrorState, SkeletonRows, useSlow } from '../../ui/states';

interface Props<T> {
  title: string;
  intro: string;
  action?: ReactNode;
  /** Narrows the list; unlike the action it is no help when the list is empty. */
  filter?: ReactNode;
  query: UseQueryResult<T[]>;
  icon: IconName;
  empty: string;
  emptyText: string;
  /** The table of a list that has something. */
  children: (items: T[]) => ReactNode;
  drawer?: ReactNode;
}

/** One admin list with its four states, and the drawer beside it. */
export function ListPage<T>({ title, intro, action, filter, query, icon, empty, emptyText, children, drawer }: Props<T>) {
  const { t } = useText();
  const slow = useSlow(query.isPending);
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [t, title]);
  return (
    <div className="split grow">
      <main className="main" id="work" tabIndex={-1}>
        <header className="bar"><h1 className="title">{title}</h1><span className="push row">{filter}{action}</span></header>
        <div className="pad">
          <p className="intro">{intro}</p>
          {query.isError && <ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} />}
          {query.isPending && slow && <SkeletonRows rows={5} />}
          {query.data?.length === 0 && <EmptyState icon={icon} title={empty} action={action}>{emptyText}</EmptyState>}
          {query.data && query.data.length > 0 && <div className="tbl-wrap" tabIndex={0} role="group" aria-label={title}>{children(query.data)}</div>}
        </div>
      </main>
      {drawer}
    </div>
  );
}
