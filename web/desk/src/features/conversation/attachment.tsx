import { useQuery } from '@tanstack/react-query';
import { fileLinks, LINKS_LAST } from '../../api/files';
import { keys } from '../../api/keys';
import type { Message } from '../../api/types';
import { useText } from '../../i18n';

type Media = NonNullable<Message['media']>;

const kilobytes = (bytes: number) => (bytes < 1_048_576 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`);

/** A file in a message: a picture is shown small, everything is opened by its name. Its place is kept while its address is asked for. */
export function Attachment({ media }: { media: Media }) {
  const { t } = useText();
  const links = useQuery({ queryKey: keys.file(media.sid), queryFn: () => fileLinks(media.sid), staleTime: LINKS_LAST, refetchInterval: LINKS_LAST, retry: 1 }).data;
  const name = media.filename ?? media.content_type;
  const words = t('chat.media', { name, size: kilobytes(media.size) });
  const picture = /^image\/(png|jpeg|gif|webp)$/.test(media.content_type);
  return (
    <div className="file">
      {picture && <span className="thumb">{links?.thumbnail_direct_temporary && <img src={links.thumbnail_direct_temporary} alt="" loading="lazy" />}</span>}
      {links ? <a href={links.content_direct_temporary} target="_blank" rel="noopener noreferrer">{words}</a> : <span>{words}</span>}
    </div>
  );
}
