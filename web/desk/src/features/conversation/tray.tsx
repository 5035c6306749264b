import { useEffect, useState } from 'react';
import type { Attachment, Files } from '../../../../stream/files.ts';
import { isPicture, kindText } from '../../../../shared/filetext.ts';
import { useText, type Translator } from '../../i18n';
import { Icon } from '../../ui/icons';

function stateOf({ status, part, trouble, error }: Attachment, { t, locale }: Pick<Translator, 't' | 'locale'>, limit: string): string | undefined {
  if (status === 'uploading') return t('files.uploading', { percent: new Intl.NumberFormat(locale, { style: 'percent' }).format(part) });
  if (status === 'waiting') return t(!error ? 'files.queued' : error.status ? 'files.busy' : 'files.waiting');
  if (trouble === 'size') return t('files.size', { limit });
  if (trouble === 'refused') return t('files.refused', { why: error?.message ?? '' });
  return trouble && t(`files.${trouble}`);
}

/** An address of the picture as it lies on this device. */
function usePreview(file: File): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!isPicture(file.type)) return undefined;
    const made = URL.createObjectURL(file);
    const picture = new Image();
    picture.src = made;
    picture.decode().then(() => setUrl(made), () => undefined); // some only call themselves pictures
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}

/** One file before it is a message: what it is, how far it has come or why it does not go, and what can be done. */
function Chosen({ item, files, limit, back }: { item: Attachment; files: Files; limit: string; back: () => void }) {
  const text = useText();
  const { t, locale } = text;
  const { name, type, size } = item.file;
  const small = usePreview(item.file);
  const underway = item.status === 'uploading' || item.status === 'waiting';
  return (
    <li className={item.status}>
      <span className="fi">{small ? <img src={small} alt="" /> : <Icon name="file" />}</span>
      <span className="grow">
        <span className="m ell" dir="auto">{name}</span>
        <span className="t12 why" role={item.trouble ? 'alert' : undefined}>
          {item.trouble && <Icon name="alert" size="xs" />}{stateOf(item, text, limit) ?? kindText(name, type, size, locale)}
        </span>
        {item.status === 'uploading' && <progress aria-label={t('files.progress', { name })} max={1} value={item.part} />}
      </span>
      {(item.trouble === 'refused' || item.trouble === 'infected') && (
        <button type="button" className="ib sm" aria-label={t('files.again', { name })} onClick={() => files.retry(item.id)}><Icon name="retry" size="s" /></button>
      )}
      <button
        type="button" className="ib sm" aria-label={t(underway ? 'files.cancel' : 'files.remove', { name })}
        onClick={() => {
          files.remove(item.id);
          back();
        }}
      ><Icon name="close" size="s" /></button>
    </li>
  );
}

/** The files that are chosen for this conversation, above what is being written. */
export function Tray({ list, files, limit, back }: { list: Attachment[]; files: Files; limit: string; back: () => void }) {
  const { t } = useText();
  if (list.length === 0) return null;
  return <ul className="tray" aria-label={t('files.list')}>{list.map((item) => <Chosen key={item.id} item={item} files={files} limit={limit} back={back} />)}</ul>;
}
