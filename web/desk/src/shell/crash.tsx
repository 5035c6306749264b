import { Component, type ReactNode } from 'react';
import { useText } from '../i18n';

function Message() {
  const { t } = useText();
  return (
    <main className="page-state" role="alert">
      <h1>{t('error.crash')}</h1>
      <p className="c2">{t('error.crashHelp')}</p>
      <button type="button" className="btn primary lg" onClick={() => location.reload()}>{t('error.reload')}</button>
    </main>
  );
}

/** The last net: says what happened instead of a white page. */
export class Crash extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Message /> : this.props.children;
  }
}
