import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { deleteFunction, saveFunction, type FunctionAddress } from '../../api/connections';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { useToast } from '../../ui/toast';
import { Field } from './flow-fields';

/** Looks like an address that can be called; the server says the rest. */
export const callable = (url: string): boolean => /^https?:\/\/[^\s/]+/.test(url);

function useRemove(onDone: () => void) {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  return useMutation({
    mutationFn: deleteFunction,
    onSuccess: () => {
      toast({ text: text.t('outside.deleted'), seconds: 6 });
      onDone();
      return cache.invalidateQueries({ queryKey: keys.functions });
    },
    onError: (error) => toast({ text: text.t('outside.deleteFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
}

/** The address of a function: which one, and where it is called. */
export function ConnectionDrawer({ row, onClose }: { row?: FunctionAddress; onClose: () => void }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const [match, setMatch] = useState(row?.match ?? '');
  const [url, setUrl] = useState(row?.function_url ?? '');
  const [tried, setTried] = useState(false);
  const remove = useRemove(onClose);
  const save = useMutation({
    mutationFn: () => saveFunction(row?.sid, match.trim(), url.trim()),
    onSuccess: () => {
      toast({ text: t('outside.saved'), seconds: 4 });
      onClose();
      return cache.invalidateQueries({ queryKey: keys.functions });
    },
  });
  const badMatch = tried && !match.trim();
  const badUrl = tried && !callable(url.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (match.trim() && callable(url.trim())) save.mutate();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>('.drawer [aria-invalid="true"]')?.focus());
  };
  const footer = (
    <>
      {row && <button type="button" className="btn quiet danger" disabled={remove.isPending} onClick={() => remove.mutate(row.sid)}><Icon name="trash" size="s" />{t('outside.delete')}</button>}
      <span className="push row">
        <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
        <button type="submit" form="connection-form" className="btn primary" disabled={save.isPending}>{t(save.isPending ? 'state.saving' : 'state.save')}</button>
      </span>
    </>
  );
  return (
    <Drawer title={row ? row.match : t('outside.new')} onClose={onClose} footer={footer}>
      <form className="form" id="connection-form" onSubmit={submit} noValidate>
        {save.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('outside.saveFailed', { why: explain(save.error, text) })}</span></p>}
        <Field id="c-match" label="outside.match" help="outside.matchHelp" problem={badMatch ? 'outside.needMatch' : undefined}>
          <input id="c-match" className="input" dir="ltr" spellCheck={false} value={match} aria-invalid={badMatch} aria-describedby="c-match-help" onChange={(event) => setMatch(event.target.value)} />
        </Field>
        <Field id="c-url" label="outside.url" help="outside.urlHelp" problem={badUrl ? 'outside.needUrl' : undefined}>
          <input id="c-url" className="input" dir="ltr" spellCheck={false} value={url} placeholder="https://" aria-invalid={badUrl} aria-describedby="c-url-help" onChange={(event) => setUrl(event.target.value)} />
        </Field>
      </form>
    </Drawer>
  );
}
