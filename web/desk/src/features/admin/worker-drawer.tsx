import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { keys } from '../../api/keys';
import { updatePerson } from '../../api/signin';
import { activities, setCapacity, updateWorker, workerChannels } from '../../api/taskrouter';
import type { Role, WorkerChannel } from '../../api/types';
import { useText } from '../../i18n';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { useToast } from '../../ui/toast';
import { Field } from './flow-fields';
import { LinkBox } from './link-box';
import { RoleField } from './role-field';
import { parseAttributes, type Colleague } from './worker-facts';

interface Edit {
  role?: Role;
  activity: string;
  attributes: string;
  capacity: Record<string, number>;
}

/** Sends only what changed, one call after the other, so that a refusal says what it is about. */
async function save({ worker, person }: Colleague, edit: Edit, channels: WorkerChannel[]): Promise<void> {
  if (person && edit.role && edit.role !== person.role) await updatePerson(person.sid, { role: edit.role });
  if (!worker) return;
  const parsed = parseAttributes(edit.attributes);
  const changed = 'value' in parsed && JSON.stringify(parsed.value) !== JSON.stringify(worker.attributes);
  const activity = edit.activity !== worker.activity_sid ? edit.activity : undefined;
  if (changed || activity) await updateWorker(worker.sid, { attributes: changed ? parsed.value : undefined, activity });
  for (const channel of channels) {
    const next = edit.capacity[channel.sid];
    if (next !== undefined && next !== channel.configured_capacity) await setCapacity(worker.sid, channel.sid, next);
  }
}

function Capacity({ channels, edit, set }: { channels: WorkerChannel[]; edit: Edit; set: (capacity: Record<string, number>) => void }) {
  const { t } = useText();
  return (
    <fieldset className="field">
      <legend className="lab">{t('workers.form.capacity')}</legend>
      <span className="help">{t('workers.form.capacityHelp')}</span>
      <div>
        {channels.map((channel) => (
          <label className="cap-line" key={channel.sid}>
            <span className="grow">{channel.task_channel_unique_name}</span>
            <input className="input num num-in" type="number" min={0} max={50} value={edit.capacity[channel.sid] ?? channel.configured_capacity}
              onChange={(event) => set({ ...edit.capacity, [channel.sid]: Math.min(50, Math.max(0, Math.floor(Number(event.target.value) || 0))) })} />
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function AttributesField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useText();
  const parsed = parseAttributes(value);
  const problem = 'problem' in parsed ? parsed.problem : undefined;
  return (
    <div className="field">
      <label htmlFor="w-attributes">{t('workers.form.attributes')}</label>
      <textarea id="w-attributes" className="input code-in" dir="ltr" spellCheck={false} value={value} aria-invalid={Boolean(problem)} aria-describedby="w-attributes-help" onChange={(event) => onChange(event.target.value)} />
      {problem
        ? <p className="error-line" id="w-attributes-help" role="alert"><Icon name="alert" size="xs" />{problem.kind === 'syntax' ? t('workers.form.badJson', { why: problem.why }) : t('workers.form.notObject')}</p>
        : <p className="help" id="w-attributes-help">{t('workers.form.attributesHelp')}</p>}
    </div>
  );
}

function NewLink({ row }: { row: Colleague }) {
  const text = useText();
  const toast = useToast();
  const make = useMutation({
    mutationFn: () => updatePerson(row.person!.sid, { invite: true }),
    onError: (error) => toast({ text: text.t('workers.saveFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
  if (make.data?.link) return <LinkBox link={make.data.link} name={row.name} />;
  return <div><button type="button" className="btn" disabled={make.isPending} onClick={() => make.mutate()}><Icon name="key" size="s" />{text.t('workers.newLink')}</button></div>;
}

/** One worker: role, status, capacity per channel, attributes. */
export function WorkerDrawer({ row, onClose }: { row: Colleague; onClose: () => void }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const { worker, person, name } = row;
  const list = useQuery({ queryKey: keys.activities, queryFn: activities, staleTime: 60_000 }).data ?? [];
  const channels = useQuery({ queryKey: keys.channelsOf(row.sid), queryFn: () => workerChannels(row.sid), enabled: Boolean(worker), staleTime: 15_000 }).data ?? [];
  const [edit, setEdit] = useState<Edit>(() => ({ role: person?.role, activity: worker?.activity_sid ?? '', attributes: JSON.stringify(worker?.attributes ?? {}, null, 2), capacity: {} }));
  const set = (change: Partial<Edit>) => setEdit((old) => ({ ...old, ...change }));
  const mutation = useMutation({
    mutationFn: () => save(row, edit, channels),
    onSettled: () => Promise.all([keys.workers, keys.people, keys.channelsOf(row.sid)].map((queryKey) => cache.invalidateQueries({ queryKey }))),
    onSuccess: () => {
      toast({ text: t('workers.saved', { name }), seconds: 4 });
      onClose();
    },
  });
  const broken = 'problem' in parseAttributes(edit.attributes);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!broken) mutation.mutate();
  };
  const footer = (
    <span className="push row">
      <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
      <button type="submit" form="worker-form" className="btn primary" disabled={mutation.isPending || broken}>{t(mutation.isPending ? 'state.saving' : 'state.save')}</button>
    </span>
  );
  return (
    <Drawer title={name} subtitle={person?.email ?? worker?.friendly_name} onClose={onClose} footer={footer}>
      <form className="form" id="worker-form" onSubmit={submit} noValidate>
        {mutation.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('workers.partly', { why: explain(mutation.error, text) })}</span></p>}
        {!worker && <p className="words">{t('workers.waitingText')}</p>}
        {worker && <Field id="w-activity" label="workers.form.activity" help="workers.form.activityHelp">
          <select id="w-activity" className="input" value={edit.activity} aria-describedby="w-activity-help" onChange={(event) => set({ activity: event.target.value })}>
            {list.map((activity) => <option key={activity.sid} value={activity.sid}>{activity.friendly_name}</option>)}
          </select>
        </Field>}
        {person && edit.role && <RoleField value={edit.role} onChange={(role) => set({ role })} />}
        {channels.length > 0 && <Capacity channels={channels} edit={edit} set={(capacity) => set({ capacity })} />}
        {worker && <AttributesField value={edit.attributes} onChange={(attributes) => set({ attributes })} />}
        {person && <NewLink row={row} />}
      </form>
    </Drawer>
  );
}
