import { useQuery } from '@tanstack/react-query';
import { useRef, useState, type MouseEvent } from 'react';
import { isPicture, kindText } from '../../../../shared/filetext.ts';
import { fileLinks, LINKS_LAST } from '../../api/files';
import { keys } from '../../api/keys';
import type { Message } from '../../api/types';
import { useText } from '../../i18n';
import { Icon } from '../../ui/icons';

type Media = NonNullable<Message['media']>;

/** A file in a message: a picture is shown small and large on a click, everything else is downloaded. Its place is kept while its address is asked for. */
export function Attachment({ media }: { media: Media }) {
  const { t, locale } = useText();
  const links = useQuery({ queryKey: keys.file(media.sid), queryFn: () => fileLinks(media.sid), staleTime: LINKS_LAST, refetchInterval: LINKS_LAST, retry: 1 }).data;
  const kind = kindText(media.filename, media.content_type, media.size, locale);
  const name = media.filename ?? media.content_type;
  const link = { href: links?.content_direct_temporary, role: links ? undefined : 'link', 'aria-disabled': !links, target: '_blank', rel: 'noopener noreferrer' } as const;
  if (isPicture(media.content_type)) return <Picture name={name} kind={kind} link={link} small={links?.thumbnail_direct_temporary} />;
  return (
    <a className="file doc" download={name} {...link}>
      <span className="vh">{t('files.get')} </span>
      <span className="fi"><Icon name="file" /></span>
      <span className="grow"><span className="m ell" dir="auto">{name}</span><span className="t12 c2">{kind}</span></span>
      <span className="c2"><Icon name="save" size="s" /></span>
    </a>
  );
}

interface PictureProps {
  name: string;
  kind: string;
  link: { href: string | undefined; role: 'link' | undefined; 'aria-disabled': boolean; target: '_blank'; rel: string };
  small: string | undefined;
}

/** Opens over the desk; with a modifier key in a tab of its own, as every link. */
function Picture({ name, kind, link, small }: PictureProps) {
  const { t } = useText();
  const box = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const show = (event: MouseEvent) => {
    if (!link.href || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    setOpen(true);
    box.current?.showModal();
  };
  return (
    <>
      <a className="file pic" aria-label={t('files.openPicture', { name })} onClick={show} {...link}>
        {small && <img src={small} alt="" loading="lazy" />}
      </a>
      <dialog className="lightbox" ref={box} aria-label={name} onClose={() => setOpen(false)} onClick={(event) => event.target === box.current && box.current.close()}>
        {open && (
          <>
            <header className="row">
              <span className="grow"><span className="m ell" dir="auto">{name}</span> <span className="t12 c2">{kind}</span></span>
              <a className="ib" href={link.href} target="_blank" rel="noopener noreferrer" aria-label={t('files.newTab')}><Icon name="launch" /></a>
              <button type="button" className="ib" aria-label={t('state.close')} onClick={() => box.current?.close()}><Icon name="close" /></button>
            </header>
            <img src={link.href} alt={name} />
          </>
        )}
      </dialog>
    </>
  );
}
