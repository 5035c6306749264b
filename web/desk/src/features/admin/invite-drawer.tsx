import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { keys } from '../../api/keys';
import { invite } from '../../api/signin';
import type { Role } from '../../api/types';
import { useText } from '../../i18n';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { Field } from './flow-fields';
import { LinkBox } from './link-box';
import { RoleField } from './role-field';

/** Makes a person who can sign in and answer; the link is handed over by hand. */
export function InviteDrawer({ onClose }: { onClose: () => void }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('agent');
  const [tried, setTried] = useState(false);
  const make = useMutation({
    mutationFn: () => invite({ name: name.trim(), email: email.trim(), role }),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.people });
      void cache.invalidateQueries({ queryKey: keys.workers });
    },
  });
  const noName = tried && !name.trim();
  const noEmail = tried && !/^\S+@\S+\.\S+$|^\S+@localhost$/.test(email.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim() && /^\S+@\S+\.\S+$|^\S+@localhost$/.test(email.trim())) make.mutate();
  };
  const footer = (
    <span className="push row">
      <button type="button" className="btn" onClick={onClose}>{t(make.isSuccess ? 'state.close' : 'state.cancel')}</button>
      {!make.isSuccess && <button type="submit" form="invite-form" className="btn primary" disabled={make.isPending}>{t('workers.invite')}</button>}
    </span>
  );
  return (
    <Drawer title={t('workers.new')} onClose={onClose} footer={footer}>
      <form className="form" id="invite-form" onSubmit={submit} noValidate>
        {make.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('workers.saveFailed', { why: explain(make.error, text) })}</span></p>}
        <Field id="i-name" label="workers.form.name" problem={noName ? 'workers.form.needName' : undefined}>
          <input id="i-name" className="input" autoComplete="off" value={name} disabled={make.isSuccess} aria-invalid={noName} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field id="i-email" label="workers.form.email" help="workers.form.emailHelp" problem={noEmail ? 'workers.form.needEmail' : undefined}>
          <input id="i-email" className="input" type="email" dir="ltr" autoComplete="off" value={email} disabled={make.isSuccess} aria-invalid={noEmail} aria-describedby="i-email-help" onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <RoleField value={role} onChange={setRole} disabled={make.isSuccess} />
        {make.data && <LinkBox link={make.data.link} name={name.trim()} />}
      </form>
    </Drawer>
  );
}
