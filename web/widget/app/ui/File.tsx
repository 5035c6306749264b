import { useEffect, useState } from 'preact/hooks';
import type { Media } from '../../../stream/protocol.ts';
import { isPicture, kindText } from '../../../shared/filetext.ts';
import { linksOf, LINKS_LAST, type Links } from '../core/links.ts';
import css from '../style/file.css?inline';
import { adopt } from './adopt.ts';
import { useAround } from './context.ts';
import { Drawing } from './drawings.tsx';
import { useFileWords } from './fileWords.ts';
import { Icon } from './icons.tsx';

adopt(css);

/** A file in a message: a picture is shown small and opens in a tab of its own, everything else is downloaded. */
export function File({ of: { sid, filename, content_type, size } }: { of: Media }) {
  const { tongue } = useAround();
  const words = useFileWords();
  const links = useLinks(sid);
  const kind = kindText(filename, content_type, size, tongue.locale);
  const name = filename || content_type;
  const link = { href: links?.content_direct_temporary, target: '_blank', rel: 'noopener noreferrer', role: links ? undefined : 'link' } as const;
  if (isPicture(content_type))
    return (
      <a class="pic" aria-label={words.openPicture(name)} aria-disabled={!links} {...link}>
        {links?.thumbnail_direct_temporary && <img src={links.thumbnail_direct_temporary} alt="" />}
      </a>
    );
  return (
    <a class="doc" aria-disabled={!links} download={name} {...link}>
      <span class="vh">{words.getFile} </span>
      <span class="fi">
        <Drawing name="file" />
      </span>
      <span class="grow">
        <span class="m ell">{name}</span>
        <span class="t12">{kind}</span>
      </span>
      <Icon name="save" of="s" />
    </a>
  );
}

/** The addresses of a file, asked for anew before they run out, and again when the network failed. */
function useLinks(sid: string): Links | undefined {
  const { chat } = useAround();
  const [links, setLinks] = useState<Links>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let on = true;
    const load = () =>
      linksOf(chat, sid).then(
        (l) => {
          if (!on) return;
          setLinks(l);
          timer = setTimeout(load, LINKS_LAST);
        },
        () => {
          if (on) timer = setTimeout(load, 5000);
        },
      );
    void load();
    return () => {
      on = false;
      clearTimeout(timer);
    };
  }, [sid]);
  return links;
}
