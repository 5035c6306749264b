import { ApiError } from '../api/http';
import type { Fault } from '../api/types';
import type { Translator } from '../i18n';

/** A failure in a sentence: what happened and what to do. */
export function explain(error: unknown, { t }: Pick<Translator, 't'>): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t(error.message === 'timeout' ? 'error.timeout' : 'error.network');
    return fault({ status: error.status, code: error.code, message: error.message }, t);
  }
  if (error && typeof error === 'object' && 'status' in error) return fault(error as Fault, t);
  return t('error.network');
}

function fault({ status, code, message }: Fault, t: Translator['t']): string {
  if (status === 0) return t('error.network');
  if (status === 403) return t('error.forbidden');
  if (status === 404 || status === 410) return t('error.gone');
  if (status === 429) return t('error.busy');
  if (status >= 500) return t('error.server', { code: code || status });
  return t('error.refused', { message });
}
